-- Holds one room for three nights: the booking transaction, one pgbench run each.
\set room random(1, 1000)
\set day random(0, 360)
begin;
update inventory set sold = sold + 1
    where room_type = :room and night >= date '2027-01-01' + :day and night < date '2027-01-01' + :day + 3 and sold < rooms;
insert into reservation (room_type, check_in, check_out, guest, amount, status)
    values (:room, date '2027-01-01' + :day, date '2027-01-01' + :day + 3, 'usr_' || :client_id, 30000, 'held');
insert into idempotency values (gen_random_uuid(), '{"status":"held"}');
commit;
