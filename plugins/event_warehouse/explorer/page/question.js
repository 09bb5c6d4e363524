// The page's question, as the body of POST /query.

export const OPERATORS = [
  ["eq", "is"],
  ["ne", "is not"],
  ["contains", "contains"],
  ["prefix", "begins with"],
  ["regex", "matches"],
  ["gt", "more than"],
  ["gte", "at least"],
  ["lt", "less than"],
  ["lte", "at most"],
  ["exists", "is there"],
  ["not_exists", "is not there"],
];
const WITHOUT_VALUE = new Set(["exists", "not_exists"]);
const OF_NUMBERS = new Set(["gt", "gte", "lt", "lte"]);

export function hasValue(operator) {
  return !WITHOUT_VALUE.has(operator);
}

// The complete filters; those still being written are left out.
export function filtersOf(series) {
  const ofType = series.type
    ? [{ type: "eq", key: "event_type", value: series.type }]
    : [];
  return [...ofType, ...series.filters.filter(isWhole).map(writeFilter), ...had(series)];
}

// Events without the key add no distinct values, and there is a smaller table of events
// with a user.
function had({ measure, key }) {
  return measure === "unique" && key ? [{ type: "exists", key }] : [];
}

function isWhole({ key, type, value }) {
  return key !== "" && (!hasValue(type) || value !== "");
}

function writeFilter({ key, type, value }) {
  if (!hasValue(type)) return { type, key };
  const isNumber =
    OF_NUMBERS.has(type) && value.trim() !== "" && Number.isFinite(Number(value));
  return { type, key, value: isNumber ? Number(value) : value };
}

// Where in the page's filters a fault's place in the body is: [series, filter, member].
export function placeOfFault(field, seriesList) {
  const [, series, filter, member] =
    field.match(/^\/data\/(\d+)(?:\/filters\/(\d+)(?:\/(\w+))?)?/) ?? [];
  if (series === undefined) return null;
  const asked = seriesList[series];
  if (filter === undefined || !asked) return { series: Number(series) };
  const number = Number(filter) - (asked.type ? 1 : 0);
  if (number < 0) return { series: Number(series), member: "type" };
  const whole = asked.filters
    .map((each, index) => [each, index])
    .filter(([each]) => isWhole(each));
  return { series: Number(series), filter: whole[number]?.[1], member };
}

// A name per series, so that two of the same events can be told apart.
export function namesOf(seriesList) {
  const names = seriesList.map((each) => each.name || each.type || "All events");
  return names.map((name, index) =>
    names.indexOf(name) === index ? name : `${name} (${letter(index)})`
  );
}

export function letter(index) {
  return String.fromCharCode(65 + index);
}

export function measureColumn({ measure, key }) {
  return measure === "events" || !key ? "event_count" : `${measure}(${key})`;
}

export function measureName({ measure, key }) {
  if (measure === "unique" && key) return `distinct ${key}`;
  if (measure === "sum" && key) return `sum of ${key}`;
  return "events";
}

function operationsOf({ measure, key }) {
  return measure === "events" || !key ? {} : { operations: [{ type: measure, key }] };
}

// For these groups of the breakdown; if there are none, for the largest.
export function exploreBody(state, { start, end, bucket }, groups = []) {
  const names = namesOf(state.series);
  const limit = groups.length || Number(state.top);
  return {
    start: start.toISOString(),
    end: end.toISOString(),
    ...(state.zone === "UTC" ? {} : { time_zone: state.zone }),
    ...(bucket ? { bucket } : {}),
    ...(state.by ? { breakdown: { keys: [state.by], limit } } : {}),
    data: state.series.map((series, index) => ({
      name: names[index],
      filters: [...filtersOf(series), ...inGroups(state.by, groups)],
      ...operationsOf(series),
    })),
  };
}

function inGroups(key, groups) {
  if (!groups.length) return [];
  const values = groups.filter((group) => group !== null);
  const any = [
    ...(values.length ? [{ type: "in", key, values }] : []),
    ...(values.length < groups.length ? [{ type: "not_exists", key }] : []),
  ];
  return any.length > 1 ? [{ type: "or", filters: any }] : any;
}

export function funnelBody(state, { start, end }) {
  const names = namesOf(state.steps);
  return {
    start: start.toISOString(),
    end: end.toISOString(),
    data: state.steps.map((step, index) => ({
      name: names[index],
      filters: filtersOf(step),
    })),
    funnel: {
      type: state.order,
      order: names,
      match: state.match.length ? state.match : ["user_id"],
      ...(state.window ? { window_seconds: Number(state.window) } : {}),
      ...(state.stepWindow && state.order !== "any"
        ? { step_window_seconds: Number(state.stepWindow) }
        : {}),
      ...(state.by ? { breakdown: state.by } : {}),
    },
  };
}
