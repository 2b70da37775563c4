"""A morning of staff; .ci/clients runs it with the package that openapi-python-client generates, after the intake system."""

from must import BASE, KEY, NAME, in_a_week, must, now
from sarcoscreen_client import AuthenticatedClient
from sarcoscreen_client.api.staff import (
    book_follow_up,
    contact_follow_up,
    count_follow_up_changes,
    get_me,
    get_statistics,
    get_submission,
    list_follow_up_history,
    list_follow_ups,
    list_staff,
    list_subject_submissions,
    search_subjects,
    take_next_follow_up,
)
from sarcoscreen_client.models import BookInput, ContactAttemptInput, FollowUp, FollowUpState, Problem, SubjectSearch


def worklist(client: AuthenticatedClient) -> None:
    me = get_me.sync(client=client)
    colleagues = list_staff.sync(client=client).items
    who = f"{me.display_name} of {me.clinic.name} is one of {len(colleagues)}"
    must(who, me.id in [colleague.id for colleague in colleagues])
    states = [FollowUpState.OPEN, FollowUpState.ASSIGNED]
    rows = list_follow_ups.sync(client=client, state=states, limit=50).items
    must(f"{len(rows)} rows with reasons", rows and all(row.reasons for row in rows))
    must("only of the states in the filter", all(row.state in states for row in rows))


def calls(client: AuthenticatedClient) -> None:
    begun = now()
    taken = take_next_follow_up.sync(client=client)
    must("the next follow-up", isinstance(taken, FollowUp) and taken.state == FollowUpState.ASSIGNED)
    reached = ContactAttemptInput(reached=True)
    stale = contact_follow_up.sync(taken.id, client=client, body=reached, if_match=f'"{taken.version - 1}"')
    current = isinstance(stale, Problem) and stale.current.version
    must("an earlier version is refused, with the current one", current == taken.version)
    contacted = contact_follow_up.sync(taken.id, client=client, body=reached, if_match=f'"{taken.version}"')
    must("the person is reached", isinstance(contacted, FollowUp) and contacted.state == FollowUpState.CONTACTED)
    appointment = BookInput(appointment_at=in_a_week(), note="Comes with a daughter")
    booked = book_follow_up.sync(taken.id, client=client, body=appointment, if_match=f'"{contacted.version}"')
    must("an appointment", isinstance(booked, FollowUp) and booked.state == FollowUpState.BOOKED)
    history = list_follow_up_history.sync(taken.id, client=client)
    must("its history", history.items[-1].version == booked.version)
    must("how many changed since", count_follow_up_changes.sync(client=client, since=begun).count > 0)


def a_subject(client: AuthenticatedClient) -> None:
    found = search_subjects.sync(client=client, body=SubjectSearch(name=NAME)).items
    must("a subject by name", found and found[0].contact.name == NAME)
    latest = list_subject_submissions.sync(found[0].id, client=client).items[0]
    read = get_submission.sync(latest.id, client=client, accept_language="es").assessment
    must(f"its submissions, one in Spanish: {read.care_title}", read.rule_table == latest.rule_table)


def main() -> None:
    client = AuthenticatedClient(base_url=BASE, token=KEY)
    worklist(client)
    calls(client)
    a_subject(client)
    total = get_statistics.sync(client=client).submissions.total
    must(f"{total} submissions in a month", total > 0)


main()
