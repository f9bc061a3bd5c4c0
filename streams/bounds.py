"""The bounds that stand beside what they bound, and what is heard when one is reached; the others are in `limits`.

For whoever asks what gives way first: by module and name, so that the number and its reason are looked up where they
are used. A bound that is not listed, or is no more there, fails in tests/transport.
"""

from collections.abc import Mapping

STATE_OF_PATIENTS: Mapping[str, str] = {
    "streams.engine.rings:SIZES": "a repeat from further back than the largest is decided again (README, duplicates)",
    "streams.engine.late:PLACES": "the oldest late window closes early, and is told in parts",
    "alerts.episodes:EPISODES_KEPT": "the earliest ended episode is forgotten; the next of its problem stands for it",
    "alerts.outcome:TOLD_KEPT": "the earliest message of an episode is forgotten; it is on `alerts`",
    "alerts.outcome:SPENT_KEPT": "the earliest advisory of the day's budget is forgotten",
    "streams.engine.care:ACTIONS_REMEMBERED": "an action that comes again from further back meets the table of states",
    "streams.engine.sources:ACTIONS_REMEMBERED": "as for a patient",
    "streams.engine.links:DEVICES_PER_ROW_MAX": "one more is not watched: counted, and told in the log",
    "streams.engine.vigil:DEVICES_PER_PATIENT_MAX": "nobody is told of another device's clock; its readings count",
    "streams.engine.evidence:OTHERS_MAX": "an alert names the vitals that have moved furthest",
    "alerts.calm:RETURNS_KEPT": "the earliest return of a day is forgotten: the calm is at its longest by then",
    "alerts.technical:TITLE_CHARS_MAX": "the title names the device alone; the finding has all of its vitals",
}
SOURCES: Mapping[str, str] = {
    "streams.engine.tallies:SOURCES_MAX": "the rest count under `other`; homebeat_sources_over_total, and the log",
    "streams.engine.tallies:PATIENTS_COUNTED_MAX": "of a source's patients so many are told apart",
    "streams.engine.sources:STANDINGS_MAX": "a source that is in no trouble makes room",
    "streams.engine.sources:MOVES_KEPT": "the earliest change of a source is forgotten",
    "streams.sources.flow:WATCHED_MAX": "the source longest unseen makes room",
    "streams.sources.refusals:WATCHED_MAX": "the source longest unseen makes room",
    "streams.worker.source_watch:TOLD_MAX": "the oldest change may be told again, which does no harm",
    "streams.worker.brake:SOURCES_KEPT": "the sentence with which the worker stops names so many",
}
CACHES: Mapping[str, str] = {
    "streams.engine.profiles:EXPECTATIONS_KEPT": "made again when asked for: time, no answer, depends on it",
    "streams.engine.profiles:DEVICES_KEPT": "looked up again",
    "streams.engine.ruled:PLANS_KEPT": "made again",
    "streams.engine.zones:DAYS_KEPT": "looked up again",
}
PUTTING_ON_TOPICS: Mapping[str, str] = {
    "streams.publish:IN_FLIGHT_MAX": "the next record waits for an answer of the broker",
    "streams.publish:READING_LINE_BYTES_MAX": "the line is refused, with its number",
    "streams.publish:PROBLEMS_KEPT": "further problems are counted only",
    "streams.replaying.replay:LINE_BYTES_MAX": "the line is cut, and refused as too large",
    "streams.kafka.whole:FETCHED_MAX": "the next records are fetched when these have been taken",
    "streams.worker.source_watch:SAID_MAX": "of more sources whose clock is ahead the log names the furthest",
    "streams.serving.logs:LINES_REMEMBERED": "a line that a library repeats may be said again before a minute is over",
    "streams.redrive:LETTERS_MAX": "the run ends with a sentence: narrow it down",
    "streams.notifier.dead_letters:DEAD_MAX": "the run ends with a sentence: mend the channel, and wait for its end",
    "streams.notifier.dead_letters:EVENTS_MAX": "the run says that there are more: run it again",
    "streams.notifier.lookback:RECORDS_MAX": "what an older run asked for is not sent: told in the log",
    "streams.engine.step:DETAIL_CHARS_MAX": "the words of a reject end there; its bytes are whole",
}
GATEWAY: Mapping[str, str] = {
    "streams.gateway.keys:KEYS_MAX": "one more key is refused with a sentence",
    "streams.gateway.audit:TEXT_CHARS_MAX": "text in the audit ends there",
}
TELLING_PEOPLE: Mapping[str, str] = {
    "alerts.channels.dispatcher:TASKS_MAX": "reading of `alerts` pauses; of what waits for a channel beyond its bound "
    "the oldest of the least severe is recorded as failed and goes the next way, an emergency never",
    "alerts.channels.apprise:ATTEMPTS": "a failed delivery, the person's next channel, and an alert about the channel",
    "alerts.channels.asking:METADATA_BYTES_MAX": "`homebeat check` says that the server answers something else",
    "alerts.channels.fhir_check:PLACES_MAX": "the refusal names so many places of a Bundle",
    "alerts.channels.letter:PICTURES_MAX": "an e-mail has charts of so many vitals; its words name all",
    "alerts.sources:DETAIL_CHARS_MAX": "the example in an alert about a source ends there",
}
DESK: Mapping[str, str] = {
    "alerts.desk.hub:NEWS_MAX": "the page fetches everything",
    "alerts.desk.hub:PAGES_MAX": "one more page is refused with a sentence",
    "alerts.desk.audit:WAITING_MAX": "nothing is shown any more, with a sentence: what is seen has to be on record",
    "alerts.desk.audit:REFUSALS_WAITING_MAX": "refusals are counted only: homebeat_desk_refused_total",
    "alerts.desk.audit:LOOKS_REMEMBERED": "the same look within a minute is recorded again",
    "alerts.desk.refusals:SENDERS_MAX": "refusals of more senders are counted together",
    "alerts.desk.accounts:ATTEMPTS_MAX": "sign-in is refused for some minutes, and audited; a link still signs in",
    "alerts.desk.accounts:ATTEMPTS_KEPT": "further guesses are counted only",
    "alerts.desk.acting:TOGETHER_MAX": "more at once are refused with a sentence",
    "alerts.desk.cost:ALERTS_MAX": "the page says that not all are counted",
    "alerts.desk.handover:PART_MAX": "the page says that there are more",
}
WORDS: Mapping[str, str] = {
    "alerts.desk.audit:TEXT_MAX": "text in the audit ends there",
    "alerts.desk.colleagues:NAMED_MAX": "a refusal names so many of the team, and that there are more",
    "alerts.desk.incidents:NAMED_MAX": "a row names so many of an incident, and how many more there are",
    "alerts.desk.people:TEAMS_MAX": "an account of more teams is refused with a sentence",
    "alerts.desk.feed:COUNT_MAX": "a record with a larger number is counted as unreadable",
    "alerts.links:TOKEN_CHARS_MAX": "a longer link is refused",
    "alerts.events:REASON_CHARS_MAX": "a longer reason is refused",
    "alerts.policy.settings:RUNGS_MAX": "more rungs are refused by the settings",
    "streams.configuration.team_answers:TEAMS_MAX": "more teams are refused by the settings",
    "streams.configuration.team_answers:MINUTES_MAX": "longer times are refused by the settings",
    "streams.engine.sources:NAME_CHARS_MAX": "a longer name of a source ends in a digest of all of it",
    "streams.control:PARTITIONS_MAX": "an origin beyond it is refused",
    "streams.control:OFFSETS_MAX": "an origin beyond it is refused",
}
BOUNDS: Mapping[str, str] = {
    **STATE_OF_PATIENTS, **SOURCES, **CACHES, **PUTTING_ON_TOPICS, **GATEWAY, **TELLING_PEOPLE, **DESK, **WORDS
}  # fmt: skip
