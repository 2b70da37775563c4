"""A proxy that makes the service look like a later version: each value of an open enumeration in its responses becomes one that
the document does not list. Values are found by the schemas of the document."""

import http.client
import json
import re
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LATER = "a_value_of_a_later_version"
OPEN, CLOSED = "x-extensible-enum", "enum"
# Between a client and this proxy, and between the proxy and the service, these differ.
HOP = {"host", "connection", "accept-encoding", "content-length", "transfer-encoding", "keep-alive", "date"}


class Document:
    """Finds the schema of a response, and the values of its enumerations of one kind."""

    def __init__(self, document: dict, kind: str) -> None:
        self.document, self.kind = document, kind
        # Literal paths before those with parameters.
        paths = sorted(document["paths"], key=lambda path: path.count("{"))
        self.paths = [(re.compile(re.sub(r"\{[^}]*\}", "[^/]+", path)), document["paths"][path]) for path in paths]

    def resolved(self, part: dict) -> dict:
        while "$ref" in part:
            found = self.document
            for name in part["$ref"].removeprefix("#/").split("/"):
                found = found[name]
            part = found
        return part

    def schema(self, method: str, path: str, status: int) -> dict | None:
        """The schema of a JSON response."""
        of_path = next((methods for pattern, methods in self.paths if pattern.fullmatch(path)), {})
        response = of_path.get(method.lower(), {}).get("responses", {}).get(str(status))
        if response is None:
            return None
        content = self.resolved(response).get("content", {})
        return next((media["schema"] for name, media in content.items() if name.endswith("json")), None)

    def later(self, schema: dict, value: object, met: set[str], name: str = "") -> object:
        """The value as a later version would send it. `met` gets the names of the enumerations that it has values of."""
        name = schema.get("$ref", name).rpartition("/")[2]
        schema = self.resolved(schema)
        if self.kind in schema and isinstance(value, str):
            met.add(name)
            return LATER
        for part in [part for kind in ("allOf", "oneOf", "anyOf") for part in schema.get(kind, [])]:
            value = self.later(part, value, met, name)
        if isinstance(value, list) and "items" in schema:
            return [self.later(schema["items"], item, met, name) for item in value]
        if isinstance(value, dict):
            fields, others = schema.get("properties", {}), schema.get("additionalProperties") or {}
            return {key: self.later(fields.get(key, others), item, met, key) for key, item in value.items()}
        return value


class Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, service: str, document: Document) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.service, self.schemas = urllib.parse.urlsplit(service), document
        self.met: set[str] = set()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        upstream = http.client.HTTPConnection(self.server.service.hostname, self.server.service.port, timeout=60)
        upstream.request(self.command, self.path, body or None, headers)
        response = upstream.getresponse()
        content = self.changed(response.status, response.read())
        upstream.close()
        self.send_response_only(response.status)
        for name, value in response.getheaders():
            if name.lower() not in HOP:
                self.send_header(name, value)
        if response.status not in (204, 304):
            self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def changed(self, status: int, content: bytes) -> bytes:
        schema = self.server.schemas.schema(self.command, urllib.parse.urlsplit(self.path).path, status)
        if schema is None or not content:
            return content
        return json.dumps(self.server.schemas.later(schema, json.loads(content), self.server.met)).encode()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = forward

    def log_message(self, *arguments: object) -> None:
        """Prints nothing for a request."""


@contextmanager
def later_version(service: str, document: dict, kind: str = OPEN) -> Iterator[Proxy]:
    with Proxy(service, Document(document, kind)) as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
