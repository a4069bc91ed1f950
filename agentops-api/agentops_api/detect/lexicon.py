"""The detector's word lists, written for it. English: words of other languages weigh as unknown ones."""


def words(text: str) -> frozenset[str]:
    """Those of a text, which spaces part."""
    return frozenset(text.split())


STOP = words("""
a an the this that these those there here it its it's itself he him his himself she her hers herself they them their
theirs themselves we us our ours ourselves you your yours yourself i me my mine myself one's who whom whose which what
when where why how and or but nor so yet if then than because as while although though unless until since whether
of in on at by for with about against between into through during before after above below to from up down out off over
under again further onto upon within without along across behind beyond among around toward towards via per
is am are was were be been being isn't aren't wasn't weren't i'm you're he's she's they're we're that's there's
do does did doing don't doesn't didn't have has had having haven't hasn't hadn't i've you've we've they've
will would shall should can could may might must ought cannot can't won't wouldn't shouldn't couldn't mustn't
i'd i'll you'd you'll he'd he'll she'd she'll we'd we'll they'd they'll
not no never nobody n't hardly rarely seldom barely
yes ok okay also too very just only even ever else some any each both either neither such own same other another
more most much many few less least all every none nothing something anything everything someone anyone everyone
s t d ll re ve m o let us oh well um uh ah wow hmm yea yep yup nope hi hello hey please thanks thank etc eg ie vs
""")

COMMON = words("""
able above according across act action actually add added age ago air allow allowed almost already although always
amount answer appear area arrive art article ask asked available away back bad base based become began begin believe
best better big bit black body book born both bring brought build built business buy call called came car care case
cause center certain chance change child children city class clear close come coming common community company
complete consider contain continue control cost could country course cover create created cut data day deal death
decide decision describe described despite details develop developed did different difficult discuss discussed
document doing done drive due during early easy eat effect effort either end enjoy enough especially event eventually
ever example expect expected experience explain express face fact fall family far feel felt few field fight figure
final finally find fine first follow following food force form former forward found free friend full fun further game
gave general get getting girl give given go goes going good got great group grow guess guy hand happen hard head hear
heard help helped high history hold home hope hour house however huge human idea important include included includes
including increase individual information instead interest interested interesting involved issue item job join just
keep kind knew know known large last late later lead leading learn leave led left let letter level life light like
likely line list listen little live lived local long longer look looking lost lot love low made main mainly make maker
making man mark matter maybe mean means meet meeting member men mention mentioned might mind minute miss moment money
month more morning most mother move movie much music must name named near need new news next nice night normal
note now number occur offer office often old once one open option order original originally other out outside over
own page paper part particular party past pay people perhaps period person phone pick piece place plan play played
point popular position possible power present pretty probably problem process product program provide provided public
put question quickly quite ran rate rather reach read real really reason receive recently record refer regard related
remain report require required rest result right role room rule run said same save saw say saying school second see
seem seen sell send series serve service set several share short show side sign similar simply single situation size
small social sometimes soon sort sound special specific spend stand start started state stay step still stop story
strong student study stuff subject suggest support sure system take taken talk team tell term text thank that thing
think though thought time title today together told took top total touch town toward true try trying turn two type
understand unit until upon use used user using usually value various version view visit wait walk want war watch water
way week went while white whole wide wife will within woman women wonder word work worked world write writer written
wrong year yeah young
sir definitely basically currently generally typically provides features feature
""")

ABOUT = words("""
sure certainly absolutely course sorry apologize unfortunately hope helps help glad happy welcome perhaps maybe possibly
probably unsure answer answers question questions based provided given giving passage passages context document
documents article articles text texts source sources information details summary summaries overview mentioned mention
according following unable know find found determine say specify specified state contain contains include included
provide provides relevant
""")
"""What an answer says of itself and its sources: "Unable to answer based on given passages" needs no evidence."""

NEGATIONS = words("""
not no never none nothing nobody neither nor without cannot can't won't isn't aren't wasn't weren't don't doesn't
didn't haven't hasn't hadn't wouldn't shouldn't couldn't mustn't n't hardly rarely seldom barely fail fails failed
unable refuse refuses refused deny denies denied lack lacks lacked unlikely stopped
""")

ABBREVIATIONS = words("""
mr mrs ms dr prof sr jr st mt ft no vs etc e.g i.e eg ie al inc ltd co corp dept gov gen col capt lt sgt rep sen rev hon
jan feb mar apr jun jul aug sep sept oct nov dec approx est fig vol ed eds cf ca viz
""")

_CARDINALS = """zero _ two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS = "third fourth fifth sixth seventh eighth ninth tenth"

NUMBER_WORDS: dict[str, str] = {
    **{word: str(value) for value, word in enumerate(_CARDINALS.split()) if word != "_"},
    **{word: str(value) for value, word in zip(range(20, 100, 10), _TENS.split(), strict=True)},
    **{word: f"{value}th" for value, word in enumerate(_ORDINALS.split(), start=3)},
}
"""How a number word is written in figures, as far as it is one without doubt: `one` and `second` are not."""

COUNTING = words("second seconds hundred thousand million billion trillion dozen half quarter twice triple")
"""Words that count as numbers and have no figure of their own."""

TENS = words(_TENS)
ONES = words("one two three four five six seven eight nine")
