"""The commands `warehouse keys`, `warehouse roles` and `warehouse watchdog`."""

import click

from event_warehouse.access.keys import Scope
from event_warehouse.commands.ready import ready
from event_warehouse.database import connect


@click.group()
def keys() -> None:
    """Create, list and revoke API keys."""


@keys.command("create")
@click.option("--tenant", help="Whose it is. Default: an operator's, for all tenants.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What it allows; may be repeated. Default: everything.",
)
@click.option("--for", "description", default="", help="A note on what it is for.")
@click.option(
    "--days",
    type=click.IntRange(1, 36_500),
    help="Days until it expires. Default: never.",
)
def create(
    tenant: str | None, scopes: tuple[str, ...], description: str, days: int | None
) -> None:
    """Create a key and print it. It is shown only once: only its hash is stored."""
    from event_warehouse.access.key_store import create_key

    text = create_key(
        ready(),
        tenant=tenant,
        scopes=[Scope(scope) for scope in scopes or list(Scope)],
        description=description,
        days=days,
    )
    click.echo(text)


@keys.command("list")
def list_keys() -> None:
    """List all keys, also revoked ones, without their secrets."""
    from event_warehouse.access.key_store import keys_query
    from event_warehouse.printing import print_query, report_console

    with connect(ready().dsn) as connection:
        print_query(report_console(), "API keys", keys_query(connection))


@keys.command("revoke")
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Revoke KEY_ID: the twelve letters after ew_ in a key."""
    from event_warehouse.access.key_store import revoke_key

    revoke_key(ready(), key_id)
    click.echo(f"{key_id} is revoked; the service refuses it in a few seconds")


@click.group(invoke_without_command=True)
@click.pass_context
def roles(context: click.Context) -> None:
    """Show which role may do what, or create one."""
    if context.invoked_subcommand is None:
        from event_warehouse.access.roles import print_roles
        from event_warehouse.printing import report_console

        print_roles(ready(), report_console())


@roles.command("create-tenant")
@click.argument("tenant")
def create_tenant(tenant: str) -> None:
    """Create the role of TENANT's queries, and print its name."""
    from event_warehouse.access.roles import create_tenant

    click.echo(create_tenant(ready(), tenant))


@roles.command("create-reader")
@click.argument("name")
def create_reader(name: str) -> None:
    """Create the role NAME for a BI tool, which reads the marts."""
    from event_warehouse.access.roles import create_reader

    create_reader(ready(), name, _password())
    click.echo(f"{name} signs in with that password and reads the marts")


@roles.command("password")
@click.argument("role")
def password(role: str) -> None:
    """Set a password for ROLE, so that it can sign in."""
    from event_warehouse.access.roles import let_sign_in

    let_sign_in(ready(), role, _password())
    click.echo(f"{role} signs in with that password")


@click.command()
def watchdog() -> None:
    """Cancel queries that take too long; `serve` does so, too."""
    from event_warehouse.access.watchdog import watch

    watch(ready())


def _password() -> str:
    """Asked for, or the line that is piped in: never an argument, which others see."""
    prompt = click.get_text_stream("stdin")
    if not prompt.isatty():
        return prompt.readline().rstrip("\n")
    asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return asked
