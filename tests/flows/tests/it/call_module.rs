//! The call module, function by function and event by event, with the rules that it gives them: each has a test of its
//! name, which is a scenario of that name in `plugins/puppet/scenarios`.

use crate::scenarios;

macro_rules! entries {
    ($($entry:ident)*) => {
        $(
            #[test]
            fn $entry() {
                scenarios::check_one("puppet", stringify!($entry));
            }
        )*

        #[test]
        fn every_scenario_of_the_call_module_has_its_test() {
            assert_eq!(scenarios::names("puppet", ""), [$(stringify!($entry)),*]);
        }
    };
}

entries! {
    answer
    answer_after_on_incoming
    answer_only_inbound
    answer_only_once
    conf_enter
    conf_exit
    construct
    construct_max_answer_seconds
    construct_max_ring_seconds
    drop
    drop_by_no_status
    drop_of_an_answered_call
    drop_of_an_outbound_call
    on_answered
    on_answered_only_outbound
    on_dial_completed_answered
    on_dial_completed_failed
    on_dial_completed_timed_out
    on_incoming
    on_play_completed
    on_record_completed
    on_released_by_sys
    on_released_by_usr
    on_released_outbound
    on_released_unanswered
    play_start
    play_start_of_no_file
    play_stop
    record_start
    record_start_finish_key
    record_stop
    redirect
    redirect_not_after_the_answer
    redirect_only_inbound
}
