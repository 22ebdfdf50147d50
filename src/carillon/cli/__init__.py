"""The command line. Each group of commands is a module of its own, loaded only when it is called."""

import click

from carillon.cli.lazy import LazyGroup

main = LazyGroup(
    name="carillon",
    help="""Carillon: an audience and messaging platform that speaks the HTTP APIs of five vendors.

    All commands work on the database of --database-url, or on the embedded one in --data-dir, which they start when
    it isn't running; `serve` and `db create` alone make one. Settings come from carillon.toml, from CARILLON_…
    variables and from flags, the last of them winning.

    \b
    A database, a first account, a key for its InforU client, and the server:
      carillon db create
      carillon account create "Blue Shop" --country IL
      carillon credential create --account 1 --dialect inforu
      carillon serve

    \b
    A first message, to the simulated phones of a sandbox account, and what became of it:
      carillon account create "Trial" --country IL --sandbox
      carillon send --account 2 --from Blue --to 0541234567 --wait "Your table is ready."
      carillon message list --account 2
    """,
    commands_by_name={
        "serve": ("carillon.cli.serve:serve", "Answer API calls and process what they queue."),
        "account": ("carillon.cli.accounts:group", "Create, list, open, close and delete accounts."),
        "audience": ("carillon.cli.audiences:group", "Create, list and delete the audiences of an account."),
        "contact": ("carillon.cli.contacts:group", "Show, find, list, change and delete contacts."),
        "group": (
            "carillon.cli.groups:group",
            "Create, list, rename and delete groups, and see their members.",
        ),
        "credential": ("carillon.cli.credentials:group", "Create, list and revoke the keys of API clients."),
        "import": ("carillon.cli.import_history:group", "Import the contacts of a file: CSV, XLSX, NDJSON or Parquet."),
        "field": ("carillon.cli.fields:group", "Create, list and delete the fields of an audience's contacts."),
        "export": ("carillon.cli.exports:export", "Export contacts in a form that can be imported again."),
        "suppression": ("carillon.cli.suppressions:group", "Say which addresses must not be written to."),
        "unsubscribe": ("carillon.cli.suppressions:unsubscribe", "Unsubscribe contacts from an audience."),
        "upload": ("carillon.cli.uploads:group", "List and retry uploads that could not be written."),
        "carrier": (
            "carillon.cli.carriers:group",
            "Connect what takes messages: SMSCs, HTTP providers, simulators.",
        ),
        "route": ("carillon.cli.routes:group", "Say which carriers take which traffic, and see why."),
        "events": ("carillon.cli.events:events", "Print what happened to an account's messages."),
        "callback": ("carillon.cli.callbacks:group", "See which callbacks wait or have failed, and tell them again."),
        "price": ("carillon.cli.prices:group", "Set and list what messages cost."),
        "balance": ("carillon.cli.balances:group", "Show an account's money, add to it, and read its journal."),
        "subscription": (
            "carillon.cli.subscriptions:group",
            "Give senders messages that are paid for already.",
        ),
        "audit": ("carillon.cli.audit:group", "See who changed what."),
        "send": ("carillon.cli.sends:send", "Send TEXT to numbers, or to the members of a group."),
        "sending": ("carillon.cli.sendings:group", "List, show, pause, resume, reschedule and cancel what is sent."),
        "message": ("carillon.cli.messages:group", "Look at messages: what became of each."),
        "link": (
            "carillon.cli.links:group",
            "Shorten URLs, see who opens links, and give links a domain.",
        ),
        "page": ("carillon.cli.pages:group", "Keep the landing pages that short links may lead to."),
        "otp": ("carillon.cli.otp:group", "See and set what limits one-time passwords, and what is counted."),
        "sandbox": (
            "carillon.cli.sandbox:group",
            "Move a sandbox account's clock, and see its simulated phones.",
        ),
        "verify": (
            "carillon.cli.verify:verify",
            "Verify the books: messages, counters, money, events, audiences.",
        ),
        "db": ("carillon.cli.db:group", "Create, upgrade and inspect the database."),
        "doctor": (
            "carillon.cli.doctor:doctor",
            "Look for what is wrong with the installation.",
        ),
        "completion": ("carillon.cli.completion:completion", "Print what makes a SHELL complete the commands."),
    },
)
click.version_option(package_name="carillon", message="Carillon %(version)s")(main)
