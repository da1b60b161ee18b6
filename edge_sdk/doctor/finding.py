"""One line of the doctor's report."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["ok", "absent", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked for and what was found.

    `state` is `ok`, `absent` (not there, and the SDK runs without it) or `broken` (there but unusable, or needed and not there).
    `needed` says whether the SDK can run here without it. `remedy` is the command that mends it, where there is something to mend.
    """

    name: str
    state: State
    found: str
    purpose: str
    needed: bool = False
    remedy: str | None = None

    @property
    def stops_us(self) -> bool:
        """Whether the SDK cannot run here because of this."""
        return self.needed and self.state != "ok"

    def record(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)
