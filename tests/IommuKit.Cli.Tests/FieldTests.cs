using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using IommuKit.Cli.Output;

namespace IommuKit.Cli.Tests;

/// <summary>Fields are stated once, and docs/json.md has what is stated.</summary>
public partial class FieldTests
{
    // Set to something, it has the tables written that are checked otherwise.
    private const string WriteVariable = "IOMMUKIT_WRITE_DOCS";

    private static string DocsPath => RepositoryFiles.InRepository("docs", "json.md");

    [Fact]
    public void The_documentation_has_the_fields_as_they_are_stated()
    {
        string docs = File.ReadAllText(DocsPath);
        var lists = Outputs.All.ToDictionary(list => list.Name);
        string expected = Marked().Replace(docs, match => $"{match.Groups["start"].Value}{TableOf(lists[match.Groups["name"].Value])}<!-- end -->");
        if (Environment.GetEnvironmentVariable(WriteVariable) is { Length: > 0 })
        {
            File.WriteAllText(DocsPath, expected);
            docs = expected;
        }

        docs.ShouldBe(expected, $"run the tests with {WriteVariable}=1 to have the tables written");
        Marked().Matches(docs).Select(match => match.Groups["name"].Value).ShouldBe(Outputs.All.Select(list => list.Name), ignoreOrder: true);
    }

    [Fact]
    public void Names_are_in_snake_case_and_once_each_and_meanings_are_one_line()
    {
        Outputs.All.Select(list => list.Name).ShouldBeUnique();
        foreach (var list in Outputs.All)
        {
            list.Rows.Select(row => row.Name).ShouldBeUnique();
            list.Rows.ShouldAllBe(row => SnakeCase().IsMatch(row.Name));
            list.Rows.ShouldAllBe(row => row.Meaning.Length != 0 && !row.Meaning.EndsWith('.'));
            list.Rows.ShouldAllBe(row => !row.Meaning.Contains('\n') && !row.Meaning.Contains('|'));
        }
    }

    [Fact]
    public void Every_kind_of_value_is_written_to_json_and_to_csv()
    {
        var fields = new FieldList<Thing>("thing")
        {
            { "text", "a text", thing => thing.Text },
            { "maybe_text", "a text", thing => thing.MaybeText, Maybe.Null },
            { "count", "a number", thing => thing.Count },
            { "address", "a number", thing => thing.Address },
            { "us", "a number", thing => thing.Us, 3 },
            { "maybe_us", "a number", thing => thing.MaybeUs, 1 },
            { "exact", "a number", thing => thing.Us },
            { "money", "a number", thing => thing.Money },
            { "is_so", "whether", thing => thing.IsSo },
            { "maybe_so", "whether", thing => thing.MaybeSo },
            { "lines", "some lines", thing => thing.Lines },
            { "numbers", "some numbers", thing => thing.Lines.Select(line => line.Length) },
            { "by_name", "some numbers", thing => thing.Lines.Select(line => KeyValuePair.Create(line, (long)line.Length)) },
            {
                "named",
                "some values",
                new NamedValues<Thing>(
                    ["first", "second", "third"],
                    (thing, name) => name == "first" ? new(1) : name == "second" && thing.IsSo ? new(1, IsSwitch: true) : null,
                    "none")
            },
            { "part", "a part", Part, thing => thing.Text },
            { "maybe_part", "a part", Part, thing => thing.MaybeText, Maybe.Null },
            { "parts", "parts", Part, thing => thing.Lines },
            { "maybe_parts", "parts", Part, thing => thing.MaybeText is null ? null : thing.Lines, Maybe.Null },
        };
        Thing[] things =
        [
            new("=1+1", "b\u001b", -1, ulong.MaxValue, 1.23456, 2.54, 0.1m, true, false, ["x", "yy"]),
            new("ä,\"ö\"", null, long.MaxValue, 0, 1e21, null, 12.50m, false, null, []),
        ];

        using var json = new StringWriter { NewLine = "\n" };
        Output.Json.WriteLines(json, fields, things);
        string[] lines = json.ToString().Split('\n');
        lines[0].ShouldBe(
            """{"text":"=1+1","maybe_text":"b\u001B","count":-1,"address":18446744073709551615,"us":1.235,"maybe_us":2.5,"exact":1.23456,"money":0.1,"""
            + """ "is_so":true,"maybe_so":false,"lines":["x","yy"],"numbers":[1,2],"by_name":{"x":1,"yy":2},"named":{"first":1,"second":true},""".Trim()
            + """ "part":{"length":4},"maybe_part":{"length":2},"parts":[{"length":1},{"length":2}],"maybe_parts":[{"length":1},{"length":2}]}""".Trim());
        using var second = JsonDocument.Parse(lines[1]);
        second.RootElement.EnumerateObject().Select(field => field.Name).ShouldBe(fields.Select(field => field.Name));
        second.RootElement.EnumerateObject().Where(field => field.Value.ValueKind == JsonValueKind.Null).Select(field => field.Name)
            .ShouldBe(["maybe_text", "maybe_us", "maybe_so", "maybe_part", "maybe_parts"]);
        second.RootElement.GetProperty("text").GetString().ShouldBe("ä,\"ö\"");
        second.RootElement.GetProperty("named").EnumerateObject().Count().ShouldBe(1);

        using var csv = new StringWriter();
        Csv.Write(csv, fields, things);
        csv.ToString().ShouldBe(
            "text,maybe_text,count,address,us,maybe_us,exact,money,is_so,maybe_so,named.first,named.second\n"
            + "'=1+1,b\ufffd,-1,18446744073709551615,1.235,2.5,1.23456,0.1,True,False,1,True\n"
            + "\"ä,\"\"ö\"\"\",,9223372036854775807,0,1E+21,,1E+21,12.50,False,,1,none\n");
        fields.Rows.Select(row => row.Type).ShouldBe(
        [
            "string", "string or null", "integer", "integer", "number", "number or null", "number", "number", "boolean", "boolean or null",
            "array of strings", "array of integers", "object", "object", "object", "object or null", "array", "array or null",
        ]);
    }

    [Fact]
    public void A_field_without_a_column_is_in_no_table() =>
        Should.Throw<ArgumentException>(() => Part.Column("length")).ParamName.ShouldBe("name");

    private static FieldList<string> Part { get; } = new("part") { { "length", "how long it is", text => text.Length } };

    private static string TableOf(IFieldList list)
    {
        var table = new StringBuilder("\n| field | type | meaning |\n|---|---|---|\n");
        foreach (var (name, type, meaning) in list.Rows)
        {
            table.Append(CultureInfo.InvariantCulture, $"| `{name}` | {type} | {meaning} |\n");
        }

        return table.ToString();
    }

    [GeneratedRegex("(?<start><!-- fields of (?<name>[a-z-]+) -->\n).*?<!-- end -->", RegexOptions.Singleline, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Marked();

    [GeneratedRegex("^[a-z][a-z0-9_]*$", RegexOptions.None, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex SnakeCase();

    private sealed record Thing(
        string Text,
        string? MaybeText,
        long Count,
        ulong Address,
        double Us,
        double? MaybeUs,
        decimal Money,
        bool IsSo,
        bool? MaybeSo,
        IReadOnlyList<string> Lines);
}
