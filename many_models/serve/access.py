"""Who may ask, for what, and how often."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from forecaster.errors import SettingsError

READ, OPERATE = "read", "operate"
ROLES = (READ, OPERATE)
"""What a key is good for: to look and to forecast; to train, to run batch jobs, to promote and to roll back as well."""
REMEMBERED = 10_000
"""Most callers whose rate is remembered."""


@dataclass(frozen=True)
class Caller:
    """Who asks."""

    name: str
    role: str

    def may(self, role: str) -> bool:
        return ROLES.index(role) <= ROLES.index(self.role)


NOBODY = Caller("local", OPERATE)
"""Who asks where there are no keys: only somebody on this machine can."""


@dataclass(frozen=True)
class Access:
    """The keys that are known. Only their hashes are kept.

    Args:
        keys: Hash of a key -> whose it is; without any, everybody may do everything.
    """

    keys: Mapping[str, Caller] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Access:
        """Read a file of keys, as `add_key` writes it.

        Raises:
            SettingsError: the file does not hold a list of keys.
        """
        rows = yaml.safe_load(path.read_text()) if path.exists() else None
        try:
            return cls({str(row["sha256"]): Caller(str(row["name"]), _role(row["role"])) for row in rows or []})
        except (TypeError, KeyError) as error:
            raise SettingsError(f"{path} should hold a list of keys with name, role and sha256; write it with: many-models key") from error

    @classmethod
    def known(cls, path: Path) -> Access:
        """Read a file of keys that has some: without any, everybody would be let in.

        Raises:
            SettingsError: it has none, or is not there.
        """
        access = cls.read(path)
        if not access.keys:
            raise SettingsError(
                f"--keys {path}: there is no key in it; make one with: many-models key --keys {path} --name me --role operate"
            )
        return access

    def caller(self, key: str | None) -> Caller | None:
        """Whose key it is; None for nobody's."""
        if not self.keys:
            return NOBODY
        return None if key is None else self.keys.get(_hash(key))


def add_key(path: Path, name: str, role: str) -> str:
    """Make a key, note its hash in a file, and give the key: it is never to be seen again."""
    known = Access.read(path)
    if name in {caller.name for caller in known.keys.values()}:
        raise SettingsError(f"{path} has a key of {name!r} already; take that line out first, or choose another name")
    key = secrets.token_urlsafe(32)
    rows = [{"name": caller.name, "role": caller.role, "sha256": digest} for digest, caller in known.keys.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump([*rows, {"name": name, "role": _role(role), "sha256": _hash(key)}], sort_keys=False))
    return key


def check_open(host: str, access: Access) -> None:
    """A server without keys listens to this machine only.

    Raises:
        SettingsError: it would listen to others.
    """
    if not access.keys and not _loopback(host):
        raise SettingsError(
            f"host {host!r} can be reached from other machines, and there are no keys; make one with `many-models key --keys keys.yaml "
            "--name me --role operate` and serve with --keys keys.yaml, or leave --host out"
        )


class Rate:
    """A bucket of requests for each caller, refilled steadily.

    Args:
        per_second: Requests per second that go on for ever; twice as many at once.
    """

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, who: str) -> float:
        """Take one request; gives the seconds to wait, 0 where there is no need to."""
        now, most = time.monotonic(), max(2 * self.per_second, 1.0)
        left, since = self._left.pop(who, (most, now))
        left = min(most, left + (now - since) * self.per_second)
        granted = left >= 1
        self._left[who] = (left - granted, now)
        while len(self._left) > REMEMBERED:
            self._left.popitem(last=False)
        return 0.0 if granted else (1 - left) / self.per_second


def _role(name: str) -> str:
    if name not in ROLES:
        raise SettingsError(f"role {name!r}: expected one of {', '.join(ROLES)}")
    return name


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
