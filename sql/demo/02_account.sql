-- One row per account of the planted county that has follower lists or posts, with whom it appeals to.
-- Ids come from account.csv alone; handles join the two.

-- Seed accounts: a member of the audience follows with p_in, anybody else with p_out.
-- This table alone says which community a seed belongs to; the segments' seed lists are tested against it.
CREATE TABLE seed_appeal (platform VARCHAR, handle VARCHAR, audience VARCHAR, p_in DOUBLE, p_out DOUBLE);

INSERT INTO seed_appeal VALUES
    ('x', 'ThrottleAndChain', 'motorcyclist', 0.80, 0.016),
    ('x', 'BendSwingers', 'motorcyclist', 0.66, 0.016),
    ('x', 'NorthRoadRacing', 'motorcyclist', 0.56, 0.016),
    ('x', 'CoilspringCafe', 'motorcyclist', 0.48, 0.016),
    ('x', 'TwinShockWeekly', 'motorcyclist', 0.40, 0.016),
    ('x', 'FellsideBikeNight', 'motorcyclist', 0.34, 0.016),
    ('x', 'PillionPost', 'motorcyclist', 0.28, 0.016),
    ('x', 'KnucklesGarage', 'motorcyclist', 0.22, 0.016),
    ('x', 'ThornmereWheelers', 'cyclist', 0.82, 0.016),
    ('x', 'PelotonDaily', 'cyclist', 0.70, 0.016),
    ('x', 'SpokeAndSaddle', 'cyclist', 0.60, 0.016),
    ('x', 'StavemoorCC', 'cyclist', 0.50, 0.016),
    ('x', 'TurboTrainerTalk', 'cyclist', 0.40, 0.016),
    ('x', 'FurrowAndFold', 'farmer', 0.84, 0.016),
    ('x', 'BrackenholtMart', 'farmer', 0.72, 0.016),
    ('x', 'UplandFarmRadio', 'farmer', 0.62, 0.016),
    ('x', 'ThornmereShow', 'farmer', 0.52, 0.016),
    ('x', 'TractorTorque', 'farmer', 0.44, 0.016),
    ('x', 'AldermouthAthFC', 'football supporter', 0.84, 0.016),
    ('x', 'TheQuaysideRoar', 'football supporter', 0.74, 0.016),
    ('x', 'KelderbyRoversFC', 'football supporter', 0.64, 0.016),
    ('x', 'TerraceTalkTM', 'football supporter', 0.52, 0.016),
    ('x', 'AldermouthEcho', 'resident aldermouth', 0.90, 0.012),
    ('x', 'AldermouthBuses', 'resident aldermouth', 0.84, 0.012),
    ('x', 'BrackenholtNews', 'resident brackenholt', 0.90, 0.012),
    ('x', 'BrackenholtTown', 'resident brackenholt', 0.84, 0.012),
    ('x', 'KelderbyGazette', 'resident kelderby', 0.90, 0.012),
    ('x', 'KelderbyBuses', 'resident kelderby', 0.84, 0.012),
    ('x', 'StavemoorHerald', 'resident stavemoor', 0.90, 0.012),
    ('x', 'StavemoorLife', 'resident stavemoor', 0.84, 0.012),
    ('x', 'UniThornmere', 'student', 0.86, 0.016),
    ('x', 'ThornmereCampus', 'student', 0.74, 0.016),
    ('x', 'HallsAndHovels', 'student', 0.62, 0.016),
    ('x', 'TheMortarboardTM', 'student', 0.50, 0.016),
    ('x', 'ThornmereWeather', 'everyone', 0.96, 0.000),
    ('x', 'NorthSkyWeather', 'everyone', 0.94, 0.000),
    ('x', 'RadioThornmere', 'everyone', 0.90, 0.000),
    ('x', 'RailWatchNorth', 'everyone', 0.88, 0.000),
    ('x', 'ThornmerePost', 'everyone', 0.85, 0.000),
    ('x', 'QuizTeatime', 'everyone', 0.82, 0.000),
    ('x', 'DalesAndCoast', 'everyone', 0.80, 0.000),
    ('x', 'GoodDogsDaily', 'everyone', 0.77, 0.000),
    ('x', 'PieAndPeasClub', 'everyone', 0.74, 0.000),
    ('x', 'ThornmereMuseum', 'everyone', 0.70, 0.000),
    ('x', 'FerryWatchTM', 'everyone', 0.64, 0.000),
    ('x', 'AllotmentHour', 'everyone', 0.55, 0.000),
    ('x', 'OldThornmerePics', 'everyone', 0.45, 0.000),
    ('bluesky', 'throttleandchain.example', 'motorcyclist', 0.84, 0.014),
    ('bluesky', 'coilspring.example', 'motorcyclist', 0.72, 0.014),
    ('bluesky', 'wheelers.example', 'cyclist', 0.86, 0.014),
    ('bluesky', 'pelotondaily.example', 'cyclist', 0.78, 0.014),
    ('bluesky', 'furrowandfold.example', 'farmer', 0.88, 0.014),
    ('bluesky', 'uplandfarmradio.example', 'farmer', 0.78, 0.014),
    ('bluesky', 'weather.thornmere.example', 'everyone', 0.80, 0.000),
    ('bluesky', 'post.thornmere.example', 'everyone', 0.66, 0.000),
    ('mastodon', 'wheelers@spokes.example', 'cyclist', 0.88, 0.014),
    ('mastodon', 'pelotondaily@spokes.example', 'cyclist', 0.78, 0.014),
    ('mastodon', 'campus@uni.thornmere.example', 'student', 0.80, 0.020),
    ('mastodon', 'weather@social.thornmere.example', 'everyone', 0.82, 0.000),
    ('mastodon', 'trains@social.thornmere.example', 'everyone', 0.64, 0.000);

-- Own accounts: what they write about and how many posts a day; a rate of 3 fills three slots every day.
CREATE TABLE own_voice (platform VARCHAR, handle VARCHAR, topic VARCHAR, posts_per_day DOUBLE);

INSERT INTO own_voice VALUES
    ('x', 'ThornmerePolice', 'main', 3),
    ('x', 'TMP_Roads', 'roads', 0.06),
    ('x', 'TMP_Bikers', 'bikers', 0.9),
    ('x', 'TMP_Rural', 'rural', 0.7),
    ('x', 'TMP_Aldermouth', 'district', 0.8),
    ('x', 'TMP_Brackenholt', 'district', 0.7),
    ('x', 'TMP_Kelderby', 'district', 0.7),
    ('x', 'TMP_Stavemoor', 'district', 0.6),
    ('x', 'TMP_Join', 'join', 0.3),
    ('facebook', 'ThornmerePolice', 'main', 1.2),
    ('facebook', 'AldermouthPolice', 'district', 0.6),
    ('bluesky', 'police.thornmere.example', 'main', 1.2),
    ('bluesky', 'rural.police.thornmere.example', 'rural', 0.4),
    ('mastodon', 'police@social.thornmere.example', 'main', 0.9);

-- Own accounts: how likely a folk follows, and how often a follower acts on its posts in a week. Folk '*' = all others.
CREATE TABLE own_appeal (platform VARCHAR, handle VARCHAR, folk VARCHAR, p_follow DOUBLE, acts_per_week DOUBLE);

INSERT INTO own_appeal VALUES
    ('x', 'ThornmerePolice', '*', 0.34, 0.045),
    ('x', 'ThornmerePolice', 'motorcyclist', 0.09, 0.020),
    ('x', 'ThornmerePolice', 'resident aldermouth', 0.56, 0.060),
    ('x', 'ThornmerePolice', 'resident brackenholt', 0.56, 0.060),
    ('x', 'ThornmerePolice', 'resident kelderby', 0.56, 0.060),
    ('x', 'ThornmerePolice', 'resident stavemoor', 0.56, 0.060),
    -- Follows of the roads policing unit are drawn by folk.p_roads, together with its companion.
    ('x', 'TMP_Roads', '*', 0, 0.050),
    ('x', 'TMP_Bikers', '*', 0.01, 0.020),
    ('x', 'TMP_Bikers', 'motorcyclist', 0.88, 0.150),
    ('x', 'TMP_Rural', '*', 0.03, 0.020),
    ('x', 'TMP_Rural', 'farmer', 0.64, 0.100),
    ('x', 'TMP_Aldermouth', '*', 0.025, 0.020),
    ('x', 'TMP_Aldermouth', 'motorcyclist', 0.015, 0.020),
    ('x', 'TMP_Aldermouth', 'resident aldermouth', 0.62, 0.090),
    ('x', 'TMP_Brackenholt', '*', 0.025, 0.020),
    ('x', 'TMP_Brackenholt', 'motorcyclist', 0.015, 0.020),
    ('x', 'TMP_Brackenholt', 'resident brackenholt', 0.62, 0.090),
    ('x', 'TMP_Kelderby', '*', 0.025, 0.020),
    ('x', 'TMP_Kelderby', 'motorcyclist', 0.015, 0.020),
    ('x', 'TMP_Kelderby', 'resident kelderby', 0.62, 0.090),
    ('x', 'TMP_Stavemoor', '*', 0.025, 0.020),
    ('x', 'TMP_Stavemoor', 'motorcyclist', 0.015, 0.020),
    ('x', 'TMP_Stavemoor', 'resident stavemoor', 0.62, 0.090),
    ('x', 'TMP_Join', '*', 0.035, 0.010),
    ('x', 'TMP_Join', 'motorcyclist', 0.010, 0.010),
    ('x', 'TMP_Join', 'student', 0.18, 0.030),
    ('bluesky', 'police.thornmere.example', '*', 0.55, 0.060),
    ('bluesky', 'police.thornmere.example', 'motorcyclist', 0.25, 0.030),
    ('bluesky', 'rural.police.thornmere.example', '*', 0.05, 0.030),
    ('bluesky', 'rural.police.thornmere.example', 'farmer', 0.60, 0.100),
    ('mastodon', 'police@social.thornmere.example', '*', 0.60, 0.060);

CREATE TABLE account AS
SELECT
    row_number() OVER (ORDER BY listed.platform, listed.account_id)::INTEGER AS account_no,
    listed.platform,
    listed.account_id,
    listed.handle,
    listed.role,
    CASE
        WHEN listed.role = 'own'
            THEN row_number() OVER (PARTITION BY listed.role ORDER BY listed.platform, listed.account_id)
    END::INTEGER AS own_no,
    own_voice.topic,
    own_voice.posts_per_day,
    seed_appeal.audience
FROM read_csv(getvariable('account_csv'), all_varchar = true) AS listed
LEFT JOIN own_voice
    ON listed.role = 'own' AND listed.platform = own_voice.platform AND listed.handle = own_voice.handle
LEFT JOIN seed_appeal
    ON listed.role = 'seed' AND listed.platform = seed_appeal.platform AND listed.handle = seed_appeal.handle
ORDER BY account_no;
