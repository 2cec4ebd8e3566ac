-- A meter's orders, whatever became of them: asked for of every order that goes out, to see whether a later one has overtaken it. Without
-- this index each such question read the whole table: with a million orders stored, an order cost twice as much as with ten thousand.
CREATE INDEX orders_of_meter ON orders (meter, id);
DROP INDEX orders_verified;
