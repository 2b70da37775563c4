"""A record system that reads all responses and follow-ups as a SMART backend service, with a library that others wrote:
cumulus-fhir-support of the SMART on FHIR project. Its keys are registered from a file. A wrong key, an unknown client and a scope
above the role must be refused. For .ci/fhir, which also sets SARCOSCREEN_DATA_DIR.

    BASE=http://.. PROGRAM=.. CLINIC=.. python fhir_backend.py
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time

import cumulus_fhir_support
from cumulus_fhir_support import AuthFailed, FatalNetworkError, FhirClient
from jwcrypto.jwk import JWK

FHIR = f"{os.environ['BASE']}/fhir"
KINDS = ["QuestionnaireResponse", "RiskAssessment", "ServiceRequest", "Task", "Flag"]


def private(key: JWK) -> dict:
    return {"keys": [{**key.export_private(as_dict=True), "alg": "RS384", "key_ops": ["sign"]}]}


def registered(key: JWK) -> str:
    """Registers the public key, as the operator does; returns the client id."""
    public = {"keys": [{**key.export_public(as_dict=True), "alg": "RS384", "key_ops": ["verify"]}]}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(public, file)
        file.flush()
        options = ["--clinic", os.environ["CLINIC"], "--role", "staff", "--name", "Record system with a file"]
        command = [os.environ["PROGRAM"], "keys", "mint", *options, "--jwks", file.name]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


async def ask(client: FhirClient, path: str) -> dict:
    # By default the library waits minutes before it repeats a request.
    return (await client.request("GET", path, retry_delays=[])).json()


async def count(client: FhirClient, kind: str) -> tuple[int, int]:
    """The pages and the resources of a search. The resources must be as many as the service says."""
    address, pages, resources = f"{kind}?_count=200", 0, 0
    while address:
        bundle = await ask(client, address)
        pages += 1
        resources += len(bundle.get("entry", []))
        address = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)
    total = (await ask(client, f"{kind}?_summary=count"))["total"]
    if total != resources:
        sys.exit(f"{kind}: {resources} resources, not {total}")
    return pages, resources


async def refused(what: str, status: int, client: FhirClient) -> str:
    try:
        async with client:
            sys.exit(f"{what}: a token was issued")
    except AuthFailed as refusal:
        if f"[{status}]" not in str(refusal):
            sys.exit(f"{what}: not {status}: {refusal}")
    return f"{what} {status}"


async def main() -> None:
    key = JWK.generate(kty="RSA", size=2048, kid="one")
    client_id = registered(key)
    keys = {"smart_client_id": client_id, "smart_jwks": private(key)}
    begin = time.monotonic()
    async with FhirClient(FHIR, KINDS, **keys) as client:
        counts = {kind: await count(client, kind) for kind in KINDS}
    pages, resources = (sum(numbers) for numbers in zip(*counts.values()))
    seconds = time.monotonic() - begin
    async with FhirClient(FHIR, ["Task"], **keys) as client:
        await ask(client, "Task?_count=1")
        try:
            await ask(client, "Flag?_count=1")
            sys.exit("a scope for tasks permits a search of flags")
        except FatalNetworkError as refusal:
            if refusal.response.status_code != 403:
                sys.exit(f"another type than that of the scope: not 403: {refusal}")
    other = JWK.generate(kty="RSA", size=2048, kid="one")
    unknown = f"{client_id[:-1]}{'0' if client_id[-1] != '0' else '1'}"
    refusals = [
        await refused("wrong key", 401, FhirClient(FHIR, KINDS, **keys | {"smart_jwks": private(other)})),
        await refused("unknown client", 401, FhirClient(FHIR, KINDS, **keys | {"smart_client_id": unknown})),
        await refused("scope above the role", 400, FhirClient(FHIR, ["AuditEvent"], **keys)),
    ]
    library = f"cumulus-fhir-support {cumulus_fhir_support.__version__}"
    print(f"ok: {library}: discovery, a token of RS384, {resources} resources on {pages} pages in {seconds:.1f} s", flush=True)
    print(f"ok: {library}: {', '.join(refusals)}, another type than that of the scope 403", flush=True)


asyncio.run(main())
