"""Tests that show by other means what one beside them shows: `make test` leaves them out, `make test-all` runs them.

Of two engines, Firefox stays where engines differ in what is tried: storage, third-party cookies, a restored page.
"""

from __future__ import annotations

import re

IN_OTHER_WAYS = {
    "test_verified_in_a_frame_with_a_live_camera": r"no-policy|firefox.*(new-tab|redirect)",
    "test_the_browser_keeps_no_cookies_of_a_framed_site": r"chromium",
    "test_two_partners_at_once_know_nothing_of_each_other": r"firefox",
    "test_rejected_in_a_frame_and_retried_there": r"firefox",
    "test_verified_by_redirect_and_back_once": r"firefox",
    "test_a_page_that_nobody_registered_shows_no_onboarding": r"firefox",
    "test_however_it_is_loaded_it_shows_the_frame_and_nothing_in_the_console": r"firefox",
    "test_another_src_helps_and_an_equal_one_changes_nothing": r"firefox",
    "test_language_and_theme_follow_the_element": r"firefox",
    "test_a_customer_is_approved_without_leaving_the_partners_page": r"tab",
    "test_a_page_that_shuts_the_camera_leads_to_a_tab": r"redirect-False|tab-True",
    "test_a_frame_written_by_hand_without_the_camera_leads_to_a_tab": r"tab|frame",
    "test_a_page_that_names_portal_and_provider_has_the_camera": r"redirect",
    "test_a_strict_policy_without_cookies_and_storage_is_enough": r"tab",
    "test_the_height_follows_the_content_and_comes_to_rest": r"phone",
    "test_without_javascript_links_lead_through_the_frame": r"redirect",
    "test_without_javascript_both_open_in_a_tab": r"tab_environment",
    "test_the_frame_lasts_with_its_camera_until_the_verdict": r"small",
    "test_every_character_comes_back_as_it_was_signed": r"firefox",
    "test_what_hangs_is_given_up_and_asked_again_after_twice_as_long": r"firefox",
    "test_whoever_comes_back_does_not_wait_for_what_hangs": r"firefox",
    "test_country_that_hangs_is_asked_for_again": r"firefox",
    "test_form_whose_script_does_not_arrive_has_the_button_for_the_country": r"firefox",
    "test_page_whose_script_does_not_arrive_refreshes_itself": r"firefox|chromium-fails-.*htmx|chromium-hangs-.*portal",
    "test_page_that_needs_no_help_shows_none": r"firefox",
    "test_proxy_that_drops_custom_headers_changes_nothing": r"firefox",
    "test_form_is_kept_while_the_portal_restarts": r"firefox",
    "test_form_in_a_frame_is_kept_while_the_portal_restarts": r"chromium-chromium",
    "test_form_is_kept_and_sent_when_the_network_is_back": r"chromium-chromium",
    "test_way_to_the_camera_waits_too": r"firefox",
    "test_a_page_open_overnight_still_stops": r"firefox",
    "test_killed_between_form_and_hosted_page_nothing_is_lost": r"sqlite",
    "test_backend_that_fails_twice_hears_everything_of_a_portal_that_is_killed": r"sqlite",
    "test_asked_to_end_while_a_backend_hangs_it_hands_over_in_time": r"sqlite",
    "test_killed_before_the_answer_it_is_told_again_under_the_same_id": r"postgresql",
    "test_a_stop_is_the_last_word_though_the_registry_confirms_later": r"postgresql",
    "test_earlier_attempt_that_a_reviewer_approves_is_told_and_the_open_one_cancelled": r"sqlite",
    "test_asked_to_end_it_first_finishes_what_is_under_way": r"sqlite",
    "test_killed_while_gu1_answers_the_lost_validation_is_found_again": r"postgresql",
    "test_workers_count_together_and_end_with_their_server": r"postgresql",
    "test_where_gu1_keeps_the_number_the_photos_are_taken_once_more": r"ignored",
}
"""By name; the ids of the parameters that are found in the pattern."""


def is_repeated(name: str, parameters: str) -> bool:
    pattern = IN_OTHER_WAYS.get(name)
    return pattern is not None and re.search(pattern, parameters) is not None
