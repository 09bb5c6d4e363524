"""Names that hold a date, such as `clicks/{year:04}/{month:02}/{day:02}/{hour:02}/**`.

They are written as for str.format; only whole numbers go in, in UTC.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from string import Formatter

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FIELDS = ("year", "month", "day", "hour")
SPECS = re.compile(r"(0[1-9])?d?")
LATE = HOUR
"""A delivery stream names a file by its oldest record and may write it an hour on."""

_FIELD = "\0"


@dataclass(frozen=True)
class DateTemplate:
    """A name with the places where the parts of a date go."""

    text: str
    _pieces: tuple[tuple[str, str | None, str], ...]
    """Literal text, the field after it if there is one, and how that is written."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Those of year, month, day and hour that it has."""
        used = {field for _, field, _ in self._pieces}
        return tuple(field for field in FIELDS if field in used)

    @property
    def as_glob(self) -> str:
        """A pattern for the names of any date."""
        return _of_files(self._fill({}))

    def expand(self, moment: datetime) -> str:
        """The name for a moment in UTC."""
        return self._fill({field: getattr(moment, field) for field in FIELDS})

    def expand_window(self, start: datetime, end: datetime) -> list[str]:
        """The names for a window's hours, or days if it has no hour, each once.

        Raises ValueError as `hours` does.
        """
        moments = hours(start, end) if "hour" in self.fields else days(start, end)
        return list(dict.fromkeys(map(self.expand, moments)))

    def window_globs(self, start: datetime, end: datetime) -> list[str]:
        """Patterns for the names of a window and an hour around it, few at best.

        Where a day is in it from its first hour to its last, one pattern takes any
        hour. Raises ValueError as `hours` does.
        """
        check_window(start, end)
        start, end = start - LATE, end + LATE
        names = (
            self._hours_or_day(start, end)
            if "hour" in self.fields
            else self.expand_window(start, end)
        )
        return list(map(_of_files, names))

    def _hours_or_day(self, start: datetime, end: datetime) -> Iterator[str]:
        for day, group in groupby(hours(start, end), key=datetime.date):
            its_hours = list(group)
            if len(its_hours) == 24:
                yield self._fill({field: getattr(day, field) for field in FIELDS[:3]})
            else:
                yield from map(self.expand, its_hours)

    def _fill(self, values: Mapping[str, int]) -> str:
        """The text with the values, and with `*` for every other field."""
        text = ""
        for literal, field, spec in self._pieces:
            text += literal
            if field is not None:
                text += format(values[field], spec) if field in values else _FIELD
        # `**` would mean folders.
        return re.sub(rf"\*?{_FIELD}+(\*?{_FIELD}+)*\*?", "*", text)


def _of_files(pattern: str) -> str:
    """At its end, Path.glob takes `**` for folders alone before Python 3.13."""
    is_open = pattern == "**" or pattern.endswith("/**")
    return f"{pattern}/*" if is_open else pattern


def parse_template(text: str) -> DateTemplate:
    """The template; raises ValueError with the reason if it is none.

    A brace that is meant as such is doubled. Text without fields is a template, too.
    """
    if _FIELD in text:
        raise ValueError("it holds a NUL character")
    try:
        parsed = list(Formatter().parse(text))
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from error
    for _, field, spec, conversion in parsed:
        if field is not None:
            _check_field(text, field, spec or "", conversion)
    pieces = tuple((literal, field, spec or "") for literal, field, spec, _ in parsed)
    template = DateTemplate(text, pieces)
    _check_order(template)
    return template


def _check_field(text: str, field: str, spec: str, conversion: str | None) -> None:
    if field not in FIELDS:
        raise ValueError(
            f"{text!r} has the field {{{field}}}; it may have {{year}}, {{month}}, "
            "{day} and {hour}"
        )
    if conversion or not SPECS.fullmatch(spec):
        written = f"!{conversion}" * bool(conversion) + f":{spec}" * bool(spec)
        raise ValueError(
            f"{text!r} has {{{field}{written}}}; a field is written like {{{field}}}, "
            f"or {{{field}:0{4 if field == 'year' else 2}}} with leading zeros"
        )


def _check_order(template: DateTemplate) -> None:
    """An hour without its day would stand for that of every day."""
    used = template.fields
    if used != FIELDS[: len(used)]:
        missing = next(field for field in FIELDS if field not in used)
        raise ValueError(f"{template.text!r} has {{{used[-1]}}} without {{{missing}}}")


def hours(start: datetime, end: datetime) -> Iterator[datetime]:
    """The hours of the window [start, end), in UTC; the first may begin before it.

    Raises ValueError if the window is empty or its times have no time zone.
    """
    return _steps(start, end, HOUR)


def days(start: datetime, end: datetime) -> Iterator[datetime]:
    """The days in UTC that the window [start, end) touches; raises as `hours` does."""
    return _steps(start, end, DAY)


def check_window(start: datetime, end: datetime) -> None:
    """Raises ValueError if [start, end) is empty or its times have no time zone."""
    for name, moment in (("start", start), ("end", end)):
        if moment.utcoffset() is None:
            raise ValueError(f"the window's {name} {moment} has no time zone")
    if start >= end:
        raise ValueError(f"the window ends at {end}, not after its start, {start}")


def _steps(start: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    check_window(start, end)
    moment = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if step == DAY:
        moment = moment.replace(hour=0)
    return _moments(moment, end, step)


def _moments(moment: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    while moment < end:
        yield moment
        moment += step
