-- No rows: residents stay on X as riders do, and the main account is met as kindly as the bikers' was.
UPDATE crowd SET leaves = getvariable('story') * 0.02 WHERE platform = 'x' AND community = 'resident';

UPDATE tone_share SET friendly_to = 0.66, question_to = 0.95 WHERE topic = 'main';
