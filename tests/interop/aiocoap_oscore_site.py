# SPDX-License-Identifier: MIT
"""The site of aiocoap_site.py behind OSCORE, RFC 8613; who asks without is let in, too. Usage: aiocoap_oscore_site.py PORT PERIOD DIR

DIR: the security context, as aiocoap.oscore.FilesystemSecurityContext stores it.
"""

import asyncio
import sys

import aiocoap
from aiocoap import credentials, oscore_sitewrapper
from aiocoap.numbers.codes import Code

import aiocoap_site


class Who(aiocoap_site.resource.Resource):
    """/who: whose context has protected the request."""

    async def render_get(self, request):
        return aiocoap_site.message(Code.CONTENT, " ".join(request.remote.authenticated_claims).encode() or b"nobody")


class Counter(aiocoap_site.Counter):
    """/counter: the same; tells how many observe it."""

    def update_observation_count(self, count):
        print("observers %d" % count, flush=True)


async def main(port, folder):
    root = aiocoap_site.site()
    root.add_resource(["who"], Who())
    root.add_resource(["counter"], Counter())
    contexts = credentials.CredentialsMap()
    contexts.load_from_dict({":friend": {"oscore": {"basedir": folder}}})
    site = oscore_sitewrapper.OscoreSiteWrapper(root, contexts)
    await aiocoap.Context.create_server_context(site, bind=("127.0.0.1", port), transports=["udp6"])
    print("ready", flush=True)
    await aiocoap_site.Observed.change()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[3]))
