"""The network of SDKs that know one address: an HTTPS proxy that is api.weixin.qq.com for them.

Takes CONNECT requests, ends TLS with a certificate made on the spot, and hands the bytes on to the sandbox.
`python -m tests.acceptance.sdk.tunnel URL COMMAND…` runs a command behind it.
"""

import asyncio
import os
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOSTS = ("api.weixin.qq.com", "file.api.weixin.qq.com", "mp.weixin.qq.com")
CHUNK_BYTES = 65_536


def make_certificate(folder: Path, hosts: Sequence[str] = HOSTS) -> Path:
    """Make a certificate for WeChat's hosts; one PEM file with its key, to be trusted by the client."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
    now = datetime.now(UTC)
    # Python 3.13 asks for what RFC 5280 asks of every certificate.
    other_uses = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign",
         "encipher_only", "decipher_only"), False,
    )  # fmt: skip
    usage = x509.KeyUsage(digital_signature=True, key_cert_sign=True, **other_uses)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem = folder / f"{hosts[0]}.pem"
    pem.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    return pem


@contextmanager
def tunnel(sandbox_url: str, folder: Path) -> Iterator[dict[str, str]]:
    """Run the proxy in a thread.

    Args:
        sandbox_url: where everything arrives.
        folder: where the certificate is written.

    Yields:
        The environment that sends a client through it: `HTTPS_PROXY` and `REQUESTS_CA_BUNDLE`.
    """
    pem = make_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    target = urlsplit(sandbox_url)
    loop = asyncio.new_event_loop()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A client that hangs up in the middle is no concern of the next one.
        with suppress(OSError, asyncio.IncompleteReadError):
            await _meet(reader, writer, context, (str(target.hostname), int(target.port or 80)))
        writer.close()

    server = loop.run_until_complete(asyncio.start_server(meet, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        port = server.sockets[0].getsockname()[1]
        yield {"HTTPS_PROXY": f"http://127.0.0.1:{port}", "REQUESTS_CA_BUNDLE": str(pem)}
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _meet(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    context: ssl.SSLContext,
    target: tuple[str, int],
) -> None:
    """Answer one CONNECT and carry bytes both ways until either side is done."""
    asked = await reader.readuntil(b"\r\n\r\n")
    if asked.split(b" ")[1].split(b":")[0].decode() not in HOSTS:
        writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        return
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await writer.drain()
    await writer.start_tls(context)
    far_reader, far_writer = await asyncio.open_connection(*target)
    try:
        await asyncio.gather(_carry(reader, far_writer), _carry(far_reader, writer))
    finally:
        far_writer.close()


async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Carry bytes one way until the source ends, then end the sink."""
    while chunk := await source.read(CHUNK_BYTES):
        sink.write(chunk)
        await sink.drain()
    sink.close()


async def _end(server: asyncio.Server) -> None:
    """Stop listening and let go of connections still open."""
    server.close()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def main(url: str, *command: str) -> int:
    """Run a command whose WeChat is the sandbox; its exit code."""
    with tempfile.TemporaryDirectory() as folder, tunnel(url, Path(folder)) as network:
        return subprocess.run(command, env={**os.environ, **network}, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
