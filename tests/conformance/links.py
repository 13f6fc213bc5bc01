# SPDX-License-Identifier: MIT
"""Links of the descriptions, and the CoRE link format as another library reads it."""

import aiocoap.util.linkformat

CORE = ".well-known/core"
# What both plugtest servers list.
RESOURCES = ["/test", "/large", "/obs", "/type/1", "/type/4", "/if/3", "/link1", "/link2", "/link3", "/path"]


def links_of(document):
    return aiocoap.util.linkformat.parse(document.decode()).links if document else []


def targets(document):
    """The targets of a document, in its order."""
    return [link.href for link in links_of(document)]


def passing(document, attribute, value):
    """The targets of the links that pass a filter, RFC 6690 section 4.1, in the document's order."""

    def passes(link):
        known = [link.href] if attribute == "href" else [text or "" for name, text in link.attr_pairs if name == attribute]
        items = [item for text in known for item in ([text] if attribute in ("href", "sz") else [text, *text.split(" ")])]
        return any(item.startswith(value[:-1]) if value.endswith("*") else item == value for item in items)

    return [link.href for link in links_of(document) if passes(link)]
