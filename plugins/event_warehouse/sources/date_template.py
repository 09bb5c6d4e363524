"""Names with a date, such as `clicks/{year:04}/{month:02}/{day:02}/{hour:02}/**`.

They use the syntax of str.format, with integer formats only; dates are in UTC.
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
"""A delivery stream names files by their oldest record, and may write an hour late."""

_FIELD = "\0"


@dataclass(frozen=True)
class DateTemplate:
    """A name with placeholders for the parts of a date."""

    text: str
    _pieces: tuple[tuple[str, str | None, str], ...]
    """Literal text, the field after it if there is one, and that field's format."""

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields it has, of year, month, day and hour."""
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
        """The distinct names for a window's hours, or days if the name has no hour.

        Raises ValueError like `hours`.
        """
        moments = hours(start, end) if "hour" in self.fields else days(start, end)
        return list(dict.fromkeys(map(self.expand, moments)))

    def window_globs(self, start: datetime, end: datetime) -> list[str]:
        """A few patterns for the names of a window and an hour on either side.

        A day that is wholly in it takes one pattern, for any hour. Raises ValueError
        like `hours`.
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
        """The text with the values filled in, and `*` for every other field."""
        text = ""
        for literal, field, spec in self._pieces:
            text += literal
            if field is not None:
                text += format(values[field], spec) if field in values else _FIELD
        # Adjacent stars become one: `**` would match folders.
        return re.sub(rf"\*?{_FIELD}+(\*?{_FIELD}+)*\*?", "*", text)


def _of_files(pattern: str) -> str:
    """Makes a final `**` match files: before 3.13 Path.glob matches only folders."""
    is_open = pattern == "**" or pattern.endswith("/**")
    return f"{pattern}/*" if is_open else pattern


def parse_template(text: str) -> DateTemplate:
    """The template; raises ValueError with the reason if the text isn't one.

    Literal braces are doubled. Text without fields is a template, too.
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
    """Refuses, for example, an hour without its day, which would match every day."""
    used = template.fields
    if used != FIELDS[: len(used)]:
        missing = next(field for field in FIELDS if field not in used)
        raise ValueError(f"{template.text!r} has {{{used[-1]}}} without {{{missing}}}")


def hours(start: datetime, end: datetime) -> Iterator[datetime]:
    """The hours that the window [start, end) touches, in UTC.

    Raises ValueError if the window is empty or its times have no time zone.
    """
    return _steps(start, end, HOUR)


def days(start: datetime, end: datetime) -> Iterator[datetime]:
    """The days in UTC that the window [start, end) touches; raises like `hours`."""
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
