// The key that requests are signed in with. It stays in this tab and is forgotten with
// it; it never stands in the address, which people share.

const KEPT = "event-warehouse-key";

export const session = {
  tenant: null, // the key's own; null for an operator's
  tenants: [],
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
}

export function keepSession(answer) {
  Object.assign(session, {
    tenant: answer.tenant,
    tenants: answer.tenants,
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

// Where there is something to see, if the default tenant has nothing.
export function firstTenant() {
  if (session.tenant !== null) return session.tenant;
  const named = session.tenants.map((each) => each.tenant_id);
  return named.includes(session.defaultTenant) || !named.length
    ? session.defaultTenant
    : named[0];
}

export function daysOf(tenant) {
  return session.tenants.find((each) => each.tenant_id === tenant);
}

export function airflowAddress(path = "/") {
  return `http://${location.hostname}:${session.airflowPort}${path}`;
}
