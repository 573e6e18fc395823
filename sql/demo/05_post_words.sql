-- One row per text our accounts post or people answer with, numbered within its topic or tone.

CREATE TABLE post_text (topic VARCHAR, text_no INTEGER, text VARCHAR, tags VARCHAR);

INSERT INTO post_text VALUES
    ('main', 0, 'Appeal: do you recognise this van? Call 101 or report online.', '#Appeal'),
    ('main', 1, 'Surgery this Thursday, town hall steps, 6 pm. Come and ask.', NULL),
    ('main', 2, 'Three arrests after a break-in on Mill Lane.', '#Arrest'),
    ('main', 3, 'Online forms are open day and night for anything that can wait.', '#ReportOnline'),
    ('main', 4, 'Missing: have you seen this man in a green coat?', '#Missing #Appeal'),
    ('main', 5, 'Thank you: the missing girl has been found safe.', '#Found'),
    ('main', 6, 'Scam calls are going round again. Hang up, ring back on a number you know.', '#Fraud'),
    ('main', 7, 'Road closed after flooding at Ferry Bridge. Please avoid.', '#Flood #Travel'),
    ('main', 8, 'Lock the shed. Photograph the bike. Note the frame number.', '#LockIt'),
    ('main', 9, 'Our control room took 1,104 calls yesterday.', '#101'),
    ('roads', 0, 'Coast road closed both ways after a collision. Diversion signed.', '#Closure'),
    ('roads', 1, 'Stopped at 112 in a 60. The driver will meet the magistrates.', '#FatalFour'),
    ('roads', 2, 'Phones down. Eyes up.', '#FatalFour'),
    ('roads', 3, 'No belt, no tax, no insurance, no car.', '#Seized'),
    ('roads', 4, 'Ice on the moor road. Slow down or stay in.', '#WinterDriving'),
    ('bikers', 0, 'Gravel on the Stavemoor hairpins after rain. Take them wide and slow.', '#RideSafe'),
    ('bikers', 1, 'Bike night at the Coilspring Café. Come and say hello, bring questions.', '#BikeNight'),
    ('bikers', 2, 'Free rider skills day: eight places left.', '#RideSafe #SkillsDay'),
    ('bikers', 3, 'Good ride today with visitors from Utrecht. Welcome back.', '#Visitors'),
    ('bikers', 4, 'Chain, tyres, lights: two minutes before you set off.', '#RideSafe'),
    ('bikers', 5, 'Three bikes stolen at services this week. Use a ground lock.', '#LockIt'),
    ('bikers', 6, 'Diesel spill on the coast road, lay-by to the ferry.', '#Hazard'),
    ('bikers', 7, 'Which bend worries you most? Tell us and we will look.', '#RideSafe'),
    ('rural', 0, 'Quad bike taken near Brackenholt overnight. Check your barns.', '#RuralCrime'),
    ('rural', 1, 'Dogs on leads near stock, please.', '#LivestockWorrying'),
    ('rural', 2, 'Marking day for trailers at the livestock mart.', '#RuralCrime'),
    ('rural', 3, 'Hare coursers turned round at three gates tonight.', '#Coursing'),
    ('rural', 4, 'Diesel thefts: lock the tank, ring us early.', '#RuralCrime'),
    ('district', 0, 'On foot round the market this morning. Stop us and talk.', '#Neighbourhood'),
    ('district', 1, 'Reports of off-road nuisance on the rec: patrols added.', '#YouSaidWeDid'),
    ('district', 2, 'Shoplifter arrested after staff rang quickly.', '#Arrest'),
    ('district', 3, 'Priorities meeting in the library on Tuesday.', '#Neighbourhood'),
    ('district', 4, 'Found: one very muddy scooter. Is it yours?', '#Found'),
    ('district', 5, 'Speed check on School Lane, asked for by parents.', '#YouSaidWeDid'),
    ('join', 0, 'Applications for constables close on Friday.', '#JoinUs'),
    ('join', 1, 'Ask a special constable anything, tonight at seven.', '#Specials'),
    ('join', 2, 'What does a call handler do? A day in four pictures.', '#JoinUs'),
    ('join', 3, 'Careers stall at the university on Wednesday.', '#JoinUs');

CREATE TABLE answer_text (tone VARCHAR, text_no INTEGER, text VARCHAR);

INSERT INTO answer_text VALUES
    ('friendly', 0, 'Good work.'),
    ('friendly', 1, 'Thank you, that is really helpful.'),
    ('friendly', 2, 'Thanks all, stay safe out there.'),
    ('friendly', 3, 'Well done to everyone on that one.'),
    ('friendly', 4, 'Brilliant, see you there!'),
    ('friendly', 5, 'My dad says hello to the team.'),
    ('friendly', 6, 'Shared with our group.'),
    ('friendly', 7, 'Great to see you out and about.'),
    ('question', 0, 'What time does it open?'),
    ('question', 1, 'Is the road still closed?'),
    ('question', 2, 'Which number do I ring for this?'),
    ('question', 3, 'Has this been reported already?'),
    ('question', 4, 'Is there a form for that?'),
    ('question', 5, 'Will you be there next week as well?'),
    ('question', 6, 'Can visitors come too?'),
    ('question', 7, 'Where exactly was this?'),
    ('hostile', 0, 'Waste of time.'),
    ('hostile', 1, 'Never see any of you round here.'),
    ('hostile', 2, 'What a joke.'),
    ('hostile', 3, 'You lot are useless.'),
    ('hostile', 4, 'Clowns.'),
    ('hostile', 5, 'Do some real work for once.'),
    ('hostile', 6, 'Rang twice, nobody came. Pathetic.'),
    ('hostile', 7, 'Muppets, the lot of you.');

-- Per topic of the account: the part of answers that is friendly, and friendly or a question; the rest is hostile.
CREATE TABLE tone_share (topic VARCHAR, friendly_to DOUBLE, question_to DOUBLE);

INSERT INTO tone_share VALUES
    ('main', 0.35, 0.65),
    ('roads', 0.30, 0.55),
    ('bikers', 0.66, 0.95),
    ('rural', 0.60, 0.90),
    ('district', 0.45, 0.80),
    ('join', 0.45, 0.90);
