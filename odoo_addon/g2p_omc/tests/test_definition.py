# Part of OMC. Licence LGPL-3.
from odoo.tests.common import BaseCase, tagged

from ..models import definition


@tagged("post_install", "-at_install")
class TestDefinition(BaseCase):
    def test_cron(self):
        for good in (
            "* * * * *",
            "30 2 * * *",
            "*/5 0-6,22 1,15 * MON-FRI",
            "0 9 L * *",
            "0 9 15W * *",
            "0 0 * JAN,DEC 7",
            "0 9 * * 5L",
            "0 9 * * MON#2",
            "15 30 2 * * *",
            "0 0 29 2 *",
            "0 0 31 1,2 *",
            "5/10 * ? * *",
        ):
            self.assertIsNone(definition.cron_problem(good), good)
        for bad, problem in (
            ("soon", 0),
            ("* * * *", 0),
            ("* * * * * * *", 0),
            ("60 * * * *", 1),
            ("* 24 * * *", 2),
            ("* * 0 * *", 3),
            ("* * * 13 *", 4),
            ("* * * * 8", 5),
            ("*/0 * * * *", 1),
            ("5-1 * * * *", 1),
            ("a * * * *", 1),
            ("61 * * * * *", 1),
            ("0 2 30 2 *", -1),
            ("0 2 31 4,JUN *", -1),
            ("1,,2 * * * *", 1),
            ("- * * * *", 1),
            ("? * * * *", 1),
            ("* * * FOO *", 4),
        ):
            self.assertEqual(definition.cron_problem(bad), problem, bad)

    def test_jq(self):
        for good in (
            ".",
            "{name: .given_name}",
            '. + {sex: (.gender // "x")}',
            "{range: .path, now: .input.now}",
            '{a: "}"}',
            "[.a, .b] | map(select(. != null)) | first # ok |",
            ".a // 1",
        ):
            self.assertIsNone(definition.jq_problem(good), good)
        for bad, kind in (
            ("{a: 1", "bracket"),
            ("(a]", "bracket"),
            (".a |", "end"),
            ("# only", "end"),
            ('"a', "text"),
            ("env", "refused"),
            ("$ENV", "refused"),
            ("def f: .; f", "refused"),
            ("[recurse]", "refused"),
            (".a | input", "refused"),
            ("x" * 4001, "long"),
            ("..", "refused"),
        ):
            self.assertEqual((definition.jq_problem(bad) or ("none",))[0], kind, bad)

    def test_literals(self):
        self.assertEqual(
            definition.literal("[('a', '=', True), ('b', 'in', (1, 2)), ('c', '=', None)]"),
            [["a", "=", True], ["b", "in", [1, 2]], ["c", "=", None]],
        )
        self.assertEqual(definition.literal('[["a", "=", true]]'), [["a", "=", True]])
        for bad in ("[('a', '=', uid)]", "[", "{1, 2}", "__import__('os')", "[('a', '=', b'x')]", "[" * 1000):
            with self.assertRaises(ValueError):
                definition.literal(bad)

    def test_domains(self):
        for good in (
            [],
            [["a", "=", 1]],
            ["|", ["a", "=", 1], ["b.c", "in", [1]]],
            ["!", ["a", "=", 1], ["b", "=", 1]],
            [[1, "=", 1]],
            ["&", "|", ["a", "=", 1], ["b", "=", 1], ["c", "=", 1]],
            [["a", "any", [["b", "=", 1]]]],
            [["a", "in", False]],
        ):
            self.assertEqual(list(definition.domain_terms(good)), [term for term in good if isinstance(term, list)])
        for bad in (
            {"a": 1},
            "x",
            ["|", ["a", "=", 1]],
            ["!"],
            [["a", "=", 1], "&"],
            [["a", "~", 1]],
            [["a b", "=", 1]],
            [["a", "="]],
            [1],
            ["x"],
            [["a", "in", 1]],
            [["a", "=", [[1]]]],
            [["a", "any", 1]],
            [[2, "=", 1]],
            [["a", "=", {"b": 1}]],
        ):
            with self.assertRaises(ValueError, msg=str(bad)):
                list(definition.domain_terms(bad))

    def test_paths_and_names(self):
        for good in ("a", "a.b_1", "_x"):
            self.assertTrue(definition.is_path(good))
        for bad in ("", "1a", "a b", "a|env", "a.", ".a", "a[0]", 5, "a" * 201, "a.a.a.a.a.a.a.a.a", "é", "a\n"):
            self.assertFalse(definition.is_path(bad), bad)
        self.assertEqual(definition.names("a, b"), ["a", "b"])
        self.assertEqual(definition.names('["a"]'), ["a"])
        for bad in ("[1]", "[a]"):
            with self.assertRaises(ValueError):
                definition.names(bad)


class TestNumber(BaseCase):
    def test_digits_of_other_kinds_are_no_number(self):
        self.assertTrue(definition.is_number("90"))
        for text in ("²", "٣", "", "-1", "9" * 5000):
            self.assertFalse(definition.is_number(text), text[:5])
