//! A failure made small: what it does not need is left out, and what is left happens at round times.

use crate::course::Course;

/// How often a smaller one is tried at most.
const TRIES: u32 = 300;

/// Steps between times that are tried, in milliseconds: what is round is easier to read.
const ROUND: [u64; 4] = [1_000, 500, 100, 10];

/// The smallest found that still fails.
pub(super) fn shrink(course: &Course, fails: impl Fn(&Course) -> bool) -> Course {
    let mut smallest = Smallest {
        course: course.clone(),
        fails,
        tries: 0,
    };
    while smallest.tries < TRIES && smallest.pass() {}
    smallest.course
}

struct Smallest<F> {
    course: Course,
    fails: F,
    tries: u32,
}

impl<F: Fn(&Course) -> bool> Smallest<F> {
    /// Whether anything could be left out.
    fn pass(&mut self) -> bool {
        let mut smaller = self.accept(|it| it.given.weather.take().is_some());
        smaller |= self.accept(|it| it.given.turns.take().is_some());
        let mut place = self.course.moves.len();
        while place > 0 {
            place -= 1;
            smaller |= self.accept(|it| {
                it.moves.remove(place);
                true
            });
        }
        for place in 0..self.course.moves.len() {
            smaller |= self.earlier(place);
        }
        smaller
            | self.accept(|it| {
                let last = it.moves.last().map_or(0, |it| it.at);
                std::mem::replace(&mut it.end, last) > last
            })
    }

    /// Moves something, and what comes behind it, to the time of what comes before, or to a round one.
    fn earlier(&mut self, place: usize) -> bool {
        let at = self.course.moves[place].at;
        let before = place
            .checked_sub(1)
            .map_or(0, |it| self.course.moves[it].at);
        let round = ROUND.map(|ms| at / ms * ms);
        let times = [before].into_iter().chain(round);
        for to in times.filter(|to| (before..at).contains(to)) {
            let by = at - to;
            if self.accept(|it| {
                it.moves[place..].iter_mut().for_each(|it| it.at -= by);
                it.end = it.end.saturating_sub(by);
                true
            }) {
                return true;
            }
        }
        false
    }

    /// Makes it so if it fails then as well.
    fn accept(&mut self, change: impl Fn(&mut Course) -> bool) -> bool {
        let mut smaller = self.course.clone();
        if self.tries >= TRIES || !change(&mut smaller) {
            return false;
        }
        self.tries += 1;
        let accepted = (self.fails)(&smaller);
        if accepted {
            self.course = smaller;
        }
        accepted
    }
}
