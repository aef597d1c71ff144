"""Every reason of HyperTrack's has words and a cure that a dispatcher understands."""

import pytest

from fieldlink.trouble import causes
from fieldlink.trouble.causes import OTHERS, REASONS

# As HyperTrack's guide to webhooks lists them.
LISTED = [
    "airplane_mode_detected",
    "location_permissions_denied",
    "location_services_disabled",
    "low_battery",
    "motion_activity_permissions_denied",
    "motion_activity_services_disabled",
    "motion_activity_services_unavailable",
    "push_token_missing_to_start_tracking",
    "tracking_stopped",
    "tracking_service_terminated",
    "deleted",
    "uninstalled",
    "location_unavailable",
    "location_unavailable_battery_saver",
    "location_unavailable_provisional_authorization",
    "sdk_killed_low_memory",
    "sdk_killed_by_user",
    "sdk_killed_by_app_update",
    "sdk_killed_by_permissions_activity",
    "sdk_killed_by_permissions_location",
    "sdk_killed_by_os_update",
    "sdk_killed_by_os_reboot",
    "sdk_killed_by_low_power",
    "storage_unavailable",
    "network_limit_reached",
    "location_permission_asked_in_background",
    "location_permission_restricted",
    "motion_activity_permission_not_determined",
    "motion_activity_permission_asked_in_background",
    "location_permission_not_determined",
    "location_permission_imprecise",
]


def test_every_reason_that_hypertrack_lists_is_known() -> None:
    assert len(LISTED) == 31
    assert list(REASONS) == LISTED


@pytest.mark.parametrize("reason", [*REASONS, *OTHERS])
def test_a_reason_has_words_and_a_cure_in_whole_sentences(reason: str) -> None:
    cause = causes.of(reason)

    for text in cause:
        assert text[0].isupper()
        assert text.endswith(".")
        assert "_" not in text
        assert "SDK" not in text


def test_no_two_reasons_are_told_in_the_same_words() -> None:
    words = [each.words for each in REASONS.values()]

    assert len(set(words)) == len(words)


def test_a_reason_that_is_not_known_is_told_as_it_is() -> None:
    cause = causes.of("solar_flare")

    assert cause.words == "HyperTrack gives the reason solar_flare."
    assert cause.cure == causes.of("").cure


def test_no_reason_is_said_to_be_none() -> None:
    assert causes.of("").words == "HyperTrack gives no reason."


def test_what_a_stranger_may_have_chosen_is_cut_and_has_no_lines() -> None:
    words = causes.of("x" * 500 + "\n").words

    assert len(words) < 100
    assert "\n" not in causes.of("a\nb").words
