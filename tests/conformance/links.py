# SPDX-License-Identifier: MIT
"""Links of the descriptions, and the CoRE link format as another library reads it."""

import aiocoap.util.linkformat

CORE = ".well-known/core"
# What both plugtest servers list.
RESOURCES = ["/test", "/large", "/obs", "/type/1", "/type/4", "/if/3", "/link1", "/link2", "/link3", "/path"]


def targets(document):
    """The targets of a document, in its order."""
    return [link.href for link in aiocoap.util.linkformat.parse(document.decode()).links] if document else []
