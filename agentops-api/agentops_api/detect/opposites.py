"""Words that turn a sentence into its opposite: negations, antonyms, quantifiers. English, written for the detector."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import permutations

from .text import Token, tokenized

# Each entry has sides; whatever stands on one is the opposite of whatever stands on another.
_SIDES = """
increase increased increasing increases rise rose risen rising raise raised raising grow grew grown growing growth gain
gained gains climb climbed climbing surge surged soar soared escalate escalated jump jumped expand expanded expansion
up upward higher boost boosted improve improved improving improvement elevated strengthen strengthened strengthening
| decrease decreased decreasing decreases fall fell fallen falling reduce reduced reducing reduction decline declined
declining drop dropped dropping shrink shrank shrunk shrinking plunge plunged lose loss down downward lower lowered
cut diminish diminished weaken weakened weakening worsen worsened deteriorate deteriorated contract contracted;
high higher highest | low lower lowest;
more most greater | less least fewer fewest;
many numerous | few;
all every everyone everybody each entire always | none nobody no never some few rarely;
always | sometimes occasionally;
before prior previous previously earlier pre | after following subsequent subsequently later post;
early earlier earliest | late later latest;
old older oldest | new newer newest young younger youngest;
large larger largest big bigger biggest huge | small smaller smallest tiny little;
long longer longest | short shorter shortest brief;
fast faster quick quickly rapid rapidly | slow slower slowly gradual gradually;
strong stronger strongest | weak weaker weakest;
good great positive favorable | bad poor negative unfavorable;
better best | worse worst;
rich wealthy | poor;
easy easier simple simpler | hard harder difficult complex;
cheap inexpensive affordable | expensive costly;
safe safely | dangerous unsafe risky;
success succeed succeeded successful successfully | failure fail failed unsuccessful unsuccessfully;
win won winning winner victory | lose lost losing loser;
accept accepted accepting agree agreed agrees approve approved approval | reject rejected rejecting refuse refused
decline declined disagree disagreed disapprove denied deny;
allow allowed permit permitted enable enabled | forbid forbidden ban banned prohibit prohibited prevent prevented block
blocked disallow;
include included including includes with | exclude excluded excluding excludes without;
start started begin began begun open opened opening launch launched | end ended finish finished stop stopped close
closed closing cease ceased;
buy bought purchase purchased buyer | sell sold seller;
import imported | export exported;
enter entered arrive arrived arrival join joined | leave left depart departed departure exit exited quit;
add added | remove removed subtract subtracted delete deleted;
create created build built | destroy destroyed demolish demolished;
keep kept retain retained | discard discarded remove removed abandon abandoned delete deleted;
remember remembered | forget forgot forgotten;
love loved like liked enjoy enjoyed prefer preferred | hate hated dislike disliked;
support supported supports | oppose opposed opposes;
confirm confirmed | deny denied refute refuted;
prove proved proven | disprove disproved;
true correct correctly accurate accurately right | false incorrect incorrectly inaccurate inaccurately wrong wrongly;
same similar identical equal | different distinct unequal;
present | absent;
alive living | dead deceased;
north northern | south southern;
east eastern | west western;
left | right;
top upper above over | bottom lower below under;
inside internal indoor | outside external outdoor;
front | back rear;
day morning | night evening;
public | private;
local domestic national | foreign international global;
maximum max | minimum min;
major majority | minor minority;
ancient | modern;
guilty | innocent acquitted;
legal lawful | illegal unlawful;
healthy well | sick ill;
hire hired | fire fired dismissed;
married | divorced unmarried single;
birth born | death died die;
teacher teachers | student students pupil;
doctor | patient;
employer | employee;
parent | child;
asset | liability;
revenue profit profits income | loss losses cost costs expense expenses;
optimistic | pessimistic;
attack attacked attacking | defend defended defending;
ahead | behind;
full | empty;
hidden hide secret | visible shown show disclosed disclose open;
voluntary optional | mandatory compulsory required obligatory;
permanent | temporary;
actively active | passively passive inactive;
likely probable certain | unlikely improbable uncertain;
often frequently usually commonly | rarely seldom never;
both | neither;
am | pm;
Monday | Tuesday | Wednesday | Thursday | Friday | Saturday | Sunday;
earn earned | lose lost;
full | empty partial limited;
wide wider widen widened | narrow narrower narrowed;
tight tighter tighten tightened | loose looser loosen loosened;
deep deeper | shallow shallower;
hot warm | cold cool;
wet | dry;
clean | dirty;
quiet | noisy loud;
thick | thin;
bright | dark;
heavy heavier | light lighter;
lend lent lender | borrow borrowed borrower;
landlord | tenant;
host | guest;
plaintiff | defendant;
acquit acquitted | convict convicted;
arrest arrested | release released;
praise praised | criticize criticized;
pass passed | fail failed;
friend ally | enemy;
encourage encouraged | discourage discouraged;
appear appeared | disappear disappeared vanish vanished;
comedy | tragedy;
vertical | horizontal;
liberal | conservative;
urban | rural;
online | offline;
wireless | wired;
natural | artificial synthetic;
raw | cooked;
single | multiple several;
static | dynamic;
explicit | implicit;
linear | nonlinear;
qualitative | quantitative;
surplus | deficit shortage;
input | output;
novice beginner | expert advanced experienced;
hope | fear;
first | second | third | fourth | fifth | sixth | last final;
day daily | week weekly | month monthly | year yearly annual annually | decade | century;
spring | summer | autumn | winter;
yesterday | today | tomorrow;
man men boy husband father son brother king | woman women girl wife mother daughter sister queen
"""

_NEGATIVE_PREFIXES = ("un", "in", "im", "ir", "il", "dis", "non", "mis")
_ROOT_CHARS_MIN = 4
_BETWEEN_WORDS_MAX = 2
"""Function words between two words that stand beside each other."""
_BOUND_WORDS_MAX = 3
_BOUNDS = {
    **dict.fromkeys(
        ["more than", "no less than", "no fewer than", "not less than", "at least", "over", "above"], "more"
    ),
    **dict.fromkeys(["less than", "fewer than", "no more than", "not more than", "at most", "up to", "under"], "less"),
    "not fewer than": "more",
    "below": "less",
}
IMPLIED = {
    "all": frozenset(["some"]),
    "every": frozenset(["some"]),
    "each": frozenset(["some"]),
    "always": frozenset(["sometimes", "occasionali"]),
}
"""Whoever says the one says the other, too."""
BOUND_WORDS = frozenset(["above", "below", "fewer", "least", "less", "more", "most", "over", "under", "up"])
"""One of them is in each wording of a bound."""
BOUNDS = frozenset(["more", "less"])
"""What a number that is the least or the most stands behind, however that is worded."""

Place = tuple[str, str, bool]
"""A word, the word beside it, and whether that follows."""


def _opposites() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for entry in _SIDES.split(";"):
        sides = [{tokenized(word).stem for word in side.split()} for side in entry.split("|")]
        for ours, theirs in permutations(sides, 2):
            for word in ours:
                found.setdefault(word, set()).update(theirs - ours)
    return {word: frozenset(others) for word, others in found.items()}


_OPPOSITES = _opposites()
FUNCTION_WORDS = frozenset(word for word in _OPPOSITES if not tokenized(word).weight)
"""That have an opposite, and say nothing alone."""


@lru_cache(maxsize=1 << 12)
def opposites(stem: str) -> frozenset[str]:
    """What means the opposite of that word."""
    found = set(_OPPOSITES.get(stem, ()))
    if len(stem) > _ROOT_CHARS_MIN:
        for prefix in _NEGATIVE_PREFIXES:
            found.add(prefix + stem)
            if stem.startswith(prefix) and len(stem) - len(prefix) >= _ROOT_CHARS_MIN:
                found.add(stem.removeprefix(prefix))
    return frozenset(found)


def places(tokens: Sequence[Token]) -> set[Place]:
    """Where words stand that may have an opposite: before the next word that says something and, if they do so
    themselves, behind the last one."""
    found: set[Place] = set()
    last = ""
    between: list[str] = []
    for at, token in enumerate(tokens):
        if not token.weight:
            between.append(token.stem)
            continue
        bound = _bound([each.stem for each in tokens[max(0, at - _BOUND_WORDS_MAX) : at]]) if token.is_number else ""
        before = [bound] if bound else [each for each in between if each in _OPPOSITES] if between else []
        for each in before:
            found.add((each, token.stem, True))
        if last and len(between) <= _BETWEEN_WORDS_MAX:
            found.add((last, token.stem, True))
            found.add((token.stem, last, False))
        last, between = token.stem, []
    return found


def _bound(before: Sequence[str]) -> str:
    """Whether a number behind these words is the least or the most that there is: `more` or `less`; else empty."""
    phrases = [" ".join(before[at:]) for at in range(len(before))]
    return next((_BOUNDS[phrase] for phrase in phrases if phrase in _BOUNDS), "")


def bound_written(side: str, number: str, tokens: Sequence[Token]) -> str:
    """What makes that number the least or the most, as these tokens have it; empty where nothing does."""
    for at, token in enumerate(tokens):
        if token.stem == number:
            for begin in range(max(0, at - _BOUND_WORDS_MAX), at):
                if _BOUNDS.get(" ".join([each.stem for each in tokens[begin:at]])) == side:
                    return " ".join([each.text for each in tokens[begin:at]])
    return ""
