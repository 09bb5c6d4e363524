// Wall-clock times in a time zone. A clock is a Date whose UTC fields are the local time
// there.

const FORMATS = new Map();

function format(zone) {
  if (!FORMATS.has(zone)) {
    FORMATS.set(
      zone,
      new Intl.DateTimeFormat("en-GB", {
        timeZone: zone,
        hourCycle: "h23",
        year: "numeric",
        month: "2-digit",
        day: "2-digit",
        hour: "2-digit",
        minute: "2-digit",
        second: "2-digit",
      })
    );
  }
  return FORMATS.get(zone);
}

export function clockAt(moment, zone) {
  if (zone === "UTC") return new Date(moment);
  const parts = Object.fromEntries(
    format(zone)
      .formatToParts(moment)
      .map(({ type, value }) => [type, Number(value)])
  );
  const { year, month, day, hour, minute, second } = parts;
  return new Date(Date.UTC(year, month - 1, day, hour, minute, second));
}

// The moment of a wall-clock time; found in two steps, as the offset may change between.
export function momentOf(clock, zone) {
  if (zone === "UTC") return new Date(clock);
  let moment = new Date(clock);
  for (let times = 0; times < 2; times += 1) {
    const offset = clockAt(moment, zone) - moment;
    moment = new Date(clock - offset);
  }
  return moment;
}

const MINUTES = { minute: 1, "5 minutes": 5, "15 minutes": 15, hour: 60 };

export function floorTo(clock, bucket) {
  if (bucket in MINUTES) {
    const width = MINUTES[bucket] * 60_000;
    return new Date(Math.floor(clock / width) * width);
  }
  const [year, month, day] = [
    clock.getUTCFullYear(),
    clock.getUTCMonth(),
    clock.getUTCDate(),
  ];
  switch (bucket) {
    case "week": // starts on Monday
      return new Date(Date.UTC(year, month, day - ((clock.getUTCDay() + 6) % 7)));
    case "month":
      return new Date(Date.UTC(year, month, 1));
    case "quarter":
      return new Date(Date.UTC(year, month - (month % 3), 1));
    case "year":
      return new Date(Date.UTC(year, 0, 1));
    default:
      return new Date(Date.UTC(year, month, day));
  }
}

// The start of the bucket after the one that starts then.
export function nextBucket(clock, bucket) {
  if (bucket in MINUTES) return new Date(clock.getTime() + MINUTES[bucket] * 60_000);
  const next = new Date(clock);
  const months = { month: 1, quarter: 3, year: 12 }[bucket];
  if (months) next.setUTCMonth(next.getUTCMonth() + months);
  else next.setUTCDate(next.getUTCDate() + (bucket === "week" ? 7 : 1));
  return next;
}

export function bucketStarts(start, end, bucket, zone) {
  const last = clockAt(end, zone);
  const starts = [];
  let clock = floorTo(clockAt(start, zone), bucket);
  while (clock < last && starts.length < 10_000) {
    starts.push(clock);
    clock = nextBucket(clock, bucket);
  }
  return starts;
}
