-- Statements about API keys, each under its name.

-- known --
-- The valid keys, each with the role that its requests run as.
select
    keys.key_id,
    keys.key_hash,
    keys.tenant_id as tenant,
    coalesce(tenants.role_name, 'warehouse_operator')::text as role,
    keys.scopes,
    keys.expires_at
from access.keys
left join access.tenants using (tenant_id)
where
    keys.revoked_at is null
    and (keys.expires_at is null or keys.expires_at > now())
order by keys.key_id;

-- create --
insert into access.keys (
    key_id, key_hash, tenant_id, scopes, description, expires_at
) values (
    %(key_id)s, %(key_hash)s, %(tenant_id)s, %(scopes)s, %(description)s,
    now() + make_interval(days => %(days)s)
);

-- revoke --
-- A key that is already revoked keeps its time.
update access.keys set revoked_at = coalesce(revoked_at, now())
where key_id = %(key_id)s;

-- list --
select
    keys.key_id as "key",
    coalesce(keys.tenant_id, '(all)') as "tenant",
    array_to_string(keys.scopes, ' ') as "scopes",
    case
        when keys.revoked_at is not null then 'revoked'
        when keys.expires_at <= now() then 'expired'
        else 'good'
    end as "state",
    to_char(keys.created_at at time zone 'UTC', 'YYYY-MM-DD') as "since",
    coalesce(to_char(keys.expires_at at time zone 'UTC', 'YYYY-MM-DD'), '') as "until",
    coalesce(
        to_char(keys.last_used_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), ''
    ) as "last used (UTC)",
    keys.description as "what for"
from access.keys
order by keys.created_at, keys.key_id;

-- note_use --
update access.keys set last_used_at = now()
where key_id = any(%(key_ids)s);
