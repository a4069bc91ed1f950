"""Words that say nearly the same, so that a paraphrase is no invention. English, written for the detector."""

from .text import stem

_GROUPS = """
say tell state claim assert declare announce report note mention remark reveal disclose;
think believe consider feel suppose reckon;
expect anticipate forecast predict project foresee estimate envisage;
show demonstrate indicate illustrate display exhibit reveal suggest;
buy purchase acquire procure obtain get gain;
sell market vend;
start begin commence initiate launch;
end finish conclude terminate complete cease;
stop halt cease discontinue;
make create produce build construct manufacture develop;
use utilize employ apply adopt leverage;
help aid assist support;
give provide supply offer grant deliver furnish;
need require necessitate;
want desire wish seek;
try attempt strive endeavor seek;
keep maintain retain preserve sustain;
change alter modify adjust revise amend vary;
increase rise grow climb surge gain soar jump escalate upturn uptick growth expand;
decrease decline fall drop reduce lower shrink diminish dip downturn decreasing reduction cut;
improve enhance boost strengthen better upgrade improvement enhancement;
worsen deteriorate weaken;
affect influence impact effect;
cause lead result trigger prompt bring;
allow permit enable let;
prevent stop block hinder impede avert;
attack assault strike;
defend protect shield guard safeguard;
kill slay murder die;
injure hurt wound harm;
arrest detain apprehend;
accuse charge allege indict;
fire dismiss sack;
hire recruit employ appoint;
quit resign leave;
win triumph prevail victory;
lose defeat;
reject refuse decline deny;
accept agree approve;
ask request inquire question query;
answer reply respond response;
meet encounter;
see observe notice watch view witness;
find discover identify locate detect uncover;
choose select pick opt;
plan intend aim scheme;
discuss debate talk address;
explain clarify describe outline detail;
contain include comprise involve consist encompass incorporate feature;
join enter enroll;
visit trip tour mission;
travel journey go move;
return come back;
hold carry;
move relocate transfer shift;
send ship dispatch transmit;
manage handle oversee run direct lead supervise;
rely depend;
base root ground;
teach educate instruct train;
learn study;
live reside dwell inhabit;
look seem appear;
occur happen take place arise;
combine merge unite integrate;
divide split separate;
focus concentrate center;
highlight emphasize stress underline underscore;
warn caution alert;
urge encourage recommend advise suggest;
fight combat battle struggle;
fix repair mend;
contact inform notify;
welcome greet;
big large huge great sizable massive enormous substantial considerable significant major notable;
small little tiny minor slight modest;
important significant key crucial vital essential critical major;
main primary principal chief major key predominant;
mainly mostly largely primarily chiefly predominantly;
fast quick rapid swift speedy;
new novel recent latest;
old ancient elderly;
good great excellent fine positive favorable;
bad poor terrible negative adverse unfavorable;
strong robust solid powerful;
hard difficult tough challenging;
easy simple straightforward;
different distinct diverse various varied;
similar alike comparable;
whole entire total complete full overall;
correct right accurate;
wrong incorrect inaccurate false;
happy glad pleased delighted;
sad unhappy;
famous renowned well-known noted celebrated prominent;
rich wealthy affluent;
beautiful pretty lovely attractive;
many numerous several multiple;
common usual typical frequent;
approximately about around roughly nearly almost;
currently presently now;
previously formerly earlier before;
later subsequently afterwards after;
often frequently regularly;
also additionally moreover furthermore;
however nevertheless nonetheless but yet;
because since due;
people individual person human;
child kid;
man guy male;
woman lady female;
boss chief head leader manager;
worker employee staff personnel;
company firm business corporation enterprise;
customer client consumer buyer;
police officer cop;
doctor physician;
lawyer attorney;
teacher instructor educator;
student pupil;
movie film picture;
book novel;
song track;
car automobile vehicle;
house home residence;
city town;
country nation state;
area region zone;
place location site;
money fund cash capital;
cost price expense;
profit earnings income;
revenue sales turnover;
job position role post;
goal aim objective target purpose;
problem issue difficulty trouble challenge;
solution remedy fix;
method approach technique way procedure;
idea concept notion;
part portion section segment;
group team band;
war conflict;
agreement deal contract pact accord;
disease illness sickness;
drug medicine medication;
research study investigation;
result outcome finding consequence;
reason cause;
benefit advantage;
risk danger hazard threat;
chance opportunity possibility;
remainder rest;
quarter three-month;
year annual yearly;
month monthly;
day daily;
begin start;
website site;
article text piece document;
"""


def _synonyms() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for group in _GROUPS.split(";"):
        stems = {stem(word) for word in group.split()}
        for each in stems:
            found.setdefault(each, set()).update(stems - {each})
    return {word: frozenset(others) for word, others in found.items()}


SYNONYMS = _synonyms()
