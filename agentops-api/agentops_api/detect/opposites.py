"""Words that turn a sentence into its opposite: negations, antonyms, quantifiers. English, written for the detector."""

from .text import stem

# Each line is two sides; whatever stands on one is the opposite of whatever stands on the other.
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
first | last final;
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
win won winning winner victory | lose lost losing loser defeat defeated;
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
Monday | Tuesday Wednesday Thursday Friday Saturday Sunday;
man men boy husband father son brother king | woman women girl wife mother daughter sister queen
"""

NEGATIVE_PREFIXES = ("un", "in", "im", "ir", "il", "dis", "non", "mis")


def _opposites() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for entry in _SIDES.split(";"):
        left, right = ({stem(word) for word in side.split()} for side in entry.split("|"))
        for ours, theirs in ((left, right), (right, left)):
            for word in ours:
                found.setdefault(word, set()).update(theirs - ours)
    return {word: frozenset(others) for word, others in found.items()}


OPPOSITES = _opposites()
