"""A morning of staff; .ci/clients runs it with the Python client of openapi-generator, after the intake system."""

from must import BASE, KEY, NAME, in_a_week, must, now
from refusal import refusal
from sarcoscreen_client import (
    ApiClient,
    BookInput,
    Configuration,
    ContactAttemptInput,
    FollowUpState,
    StaffApi,
    SubjectSearch,
)


def worklist(staff: StaffApi) -> None:
    me = staff.get_me()
    colleagues = staff.list_staff().items
    who = f"{me.display_name} of {me.clinic.name} is one of {len(colleagues)}"
    must(who, me.id in [colleague.id for colleague in colleagues])
    states = [FollowUpState.OPEN, FollowUpState.ASSIGNED]
    rows = staff.list_follow_ups(state=states, limit=50).items
    must(f"{len(rows)} rows with reasons", rows and all(row.reasons for row in rows))
    must("only of the states in the filter", all(row.state in states for row in rows))


def calls(staff: StaffApi) -> None:
    begun = now()
    taken = staff.take_next_follow_up()
    must("the next follow-up", taken.state == FollowUpState.ASSIGNED)
    reached = {"id": taken.id, "contact_attempt_input": ContactAttemptInput(reached=True)}
    stale = refusal(staff.contact_follow_up, if_match=f'"{taken.version - 1}"', **reached)
    must("an earlier version is refused, with the current one", stale.current.version == taken.version)
    contacted = staff.contact_follow_up(if_match=f'"{taken.version}"', **reached)
    must("the person is reached", contacted.state == FollowUpState.CONTACTED)
    appointment = BookInput(appointment_at=in_a_week(), note="Comes with a daughter")
    booked = staff.book_follow_up(id=taken.id, if_match=f'"{contacted.version}"', book_input=appointment)
    must("an appointment", booked.state == FollowUpState.BOOKED)
    must("its history", staff.list_follow_up_history(id=taken.id).items[-1].version == booked.version)
    must("how many changed since", staff.count_follow_up_changes(since=begun).count > 0)


def a_subject(staff: StaffApi) -> None:
    found = staff.search_subjects(subject_search=SubjectSearch(name=NAME)).items
    must("a subject by name", found and found[0].contact.name == NAME)
    latest = staff.list_subject_submissions(id=found[0].id).items[0]
    read = staff.get_submission(id=latest.id, accept_language="es").assessment
    must(f"its submissions, one in Spanish: {read.care_title}", read.rule_table == latest.rule_table)


def main() -> None:
    staff = StaffApi(ApiClient(Configuration(host=BASE, access_token=KEY)))
    worklist(staff)
    calls(staff)
    a_subject(staff)
    total = staff.get_statistics().submissions.total
    must(f"{total} submissions in a month", total > 0)


main()
