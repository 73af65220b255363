"""Home: which hosts may be spoken to, and so be shown credentials."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

from headwater.errors import FetchError

__all__ = ["Origin", "check_home", "is_metadata", "spelled"]

Origin = tuple[str, str, int]
"""Scheme, host and port."""

# Where clouds hand out credentials to whoever asks from inside.
METADATA_NAMES = (
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "metadata.azure.internal",
    "metadata.azure.com",
    "instance-data",
    "instance-data.ec2.internal",
)
METADATA_ADDRESSES = ("100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254")


def check_home(target: Origin, home: Origin, allowed_hosts: Iterable[str]) -> None:
    """Raises FetchError where `target` is away from home, before anything is sent.

    Home is one origin, and its https where it is plain http on the usual port. A host that is
    allowed by name is so with the scheme of home or https; one allowed with `http://`, as that.
    """
    allowed = {host.lower().rstrip("/") for host in allowed_hosts}
    from_, to = spelled(home), spelled(target)
    scheme, host, port = target
    if target == home:
        return
    if is_metadata(host) and host != home[1]:
        raise FetchError(
            f"the API leads from {from_} to {to}, which is not followed"
            " (addresses of the own network link and of cloud metadata never are)"
        )
    if allowed & {to, to.removesuffix(f":{port}")}:
        return
    if (home[0], scheme) == ("https", "http"):
        raise FetchError(f"the API leads from {from_} to plain {to}, which is not followed")
    upgraded = target == ("https", home[1], 443) and home[2] == 80
    if upgraded or allowed & {host, f"{host}:{port}"}:
        return
    raise FetchError(
        f"the API leads from {from_} to {to}, which is not followed"
        f" (add `{host}` to client.allowed_hosts if that is meant)"
    )


def spelled(origin: Origin) -> str:
    """An origin as the beginning of a URL, with its port."""
    scheme, host, port = origin
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def is_metadata(host: str) -> bool:
    """Whether `host` is link-local or a metadata service, however its address is spelled."""
    name = host.lower().rstrip(".")
    address = address_of(name.partition("%")[0].strip("[]"))
    if address is None:
        return name in METADATA_NAMES
    return address.is_link_local or str(address) in METADATA_ADDRESSES


def address_of(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that `text` is, also as one number, in octal, or inside of an IPv6 address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(text))
        except OSError:
            return None
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or address.sixtofour or address
    return address
