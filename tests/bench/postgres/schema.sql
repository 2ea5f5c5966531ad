-- What a PostgreSQL-backed booking system would keep: rooms by night, reservations, and answers by idempotency key.
-- 1,000 room types with rooms enough for a year.
create table inventory (
    room_type int,
    night date,
    rooms int not null,
    sold int not null default 0,
    primary key (room_type, night),
    check (sold <= rooms)
);
create table reservation (
    id bigserial primary key,
    room_type int,
    check_in date,
    check_out date,
    guest text,
    amount int,
    status text,
    created timestamptz default now()
);
create index on reservation (guest);
create table idempotency (key uuid primary key, response jsonb);
insert into inventory
    select room_type, date '2027-01-01' + night, 1000000
    from generate_series(1, 1000) as room_type, generate_series(0, 364) as night;
vacuum analyze inventory;
