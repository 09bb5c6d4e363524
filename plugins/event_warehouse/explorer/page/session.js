// The key that signs requests in. It is kept in this tab only and forgotten with it; it
// is never in the address, which people share.

const KEPT = "event-warehouse-key";

export const session = {
  tenant: null, // the key's own; null for an operator's
  tenants: [],
  hasAllTenants: true,
  scopes: [],
  defaultTenant: "",
  airflowPort: 8080,
};

export function key() {
  return sessionStorage.getItem(KEPT);
}

export function keepKey(text) {
  sessionStorage.setItem(KEPT, text);
}

export function forgetKey() {
  sessionStorage.removeItem(KEPT);
  others.clear();
}

export function keepSession(answer) {
  Object.assign(session, {
    tenant: answer.tenant,
    tenants: answer.tenants,
    hasAllTenants: !answer.is_cut_off,
    scopes: answer.scopes,
    defaultTenant: answer.default_tenant,
    airflowPort: answer.airflow_port,
  });
}

export function may(scope) {
  return session.scopes.includes(scope);
}

export function isOperator() {
  return session.tenant === null;
}

// The default tenant, or one with events if it has none.
export function firstTenant() {
  if (session.tenant !== null) return session.tenant;
  const named = session.tenants.map((each) => each.tenant_id);
  return named.includes(session.defaultTenant) || !named.length
    ? session.defaultTenant
    : named[0];
}

// Tenants that are not among the first are fetched one by one.
const others = new Map();

export function keepTenants(tenants) {
  for (const each of tenants) others.set(each.tenant_id, each);
}

export function daysOf(tenant) {
  return (
    session.tenants.find((each) => each.tenant_id === tenant) ?? others.get(tenant)
  );
}

// Whether the service may know more about the tenant than the session does.
export function mayBeOther(tenant) {
  return !session.hasAllTenants && !session.tenants.some((each) => each.tenant_id === tenant);
}

export function airflowAddress(path = "/") {
  return `http://${location.hostname}:${session.airflowPort}${path}`;
}
