// Numbers and times as people read them.

const WHOLE = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 2 });
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

export function count(number) {
  return number === null || number === undefined ? "–" : WHOLE.format(number);
}

export function things(number, singular, plural = `${singular}s`) {
  return `${count(number)} ${number === 1 ? singular : plural}`;
}

export function percent(share) {
  return share === null || share === undefined ? "–" : `${(share * 100).toFixed(1)} %`;
}

export function change(now, before) {
  if (!before) return now ? "none before" : "–";
  const share = (now - before) / before;
  return `${share < 0 ? "−" : "+"}${Math.abs(share * 100).toFixed(1)} %`;
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const units = [
    ["d", 86400],
    ["h", 3600],
    ["min", 60],
  ];
  for (const [name, size] of units) {
    if (seconds >= size) return `${(seconds / size).toFixed(1)} ${name}`;
  }
  return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}

// A longer span, in words.
export function longSpan(seconds) {
  if (seconds >= 2 * 86400) return things(Math.floor(seconds / 86400), "day");
  if (seconds >= 2 * 3600) return things(Math.floor(seconds / 3600), "hour");
  return things(Math.floor(seconds / 60), "minute");
}

export function ago(iso, now = Date.now()) {
  if (!iso) return "never";
  const seconds = Math.max(0, (now - Date.parse(iso)) / 1000);
  if (seconds < 60) return "just now";
  const isHours = seconds >= 3600;
  return `${isHours ? duration(seconds) : `${Math.floor(seconds / 60)} min`} ago`;
}

// An instant in UTC, with fractions of a second only if it has any.
export function instant(iso) {
  if (!iso) return "–";
  const [whole, fraction = ""] = iso.replace("T", " ").replace("Z", "").split(".");
  const digits = fraction.replace(/0+$/, "");
  return digits ? `${whole}.${digits}` : whole;
}

// The same for a time that falls on a full minute.
export function minute(date) {
  return instant(date.toISOString()).replace(/(:\d\d):00$/, "$1");
}

// The local time at the start of a bucket; the clock is a Date read as UTC.
export function bucketName(clock, bucket) {
  const day = `${clock.getUTCDate()} ${MONTHS[clock.getUTCMonth()]} ${clock.getUTCFullYear()}`;
  if (bucket === "year") return `${clock.getUTCFullYear()}`;
  if (bucket === "month" || bucket === "quarter") return day.replace(/^\d+ /, "");
  if (bucket === "day" || bucket === "week") return day;
  return `${day} ${clock.toISOString().slice(11, 16)}`;
}
