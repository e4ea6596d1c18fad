using System.Globalization;
using System.Xml.Linq;
using IommuKit.Analysis.Report;

namespace IommuKit.Analysis.Tests.Report;

public class ReportTests
{
    [Fact]
    public void A_linear_axis_starts_at_zero_and_ends_at_a_round_number_that_holds_everything()
    {
        var axis = Axis.Linear(3, 5120, value => value.ToString(CultureInfo.InvariantCulture));
        axis.Ticks.ShouldBe([0, 2000, 4000, 6000]);
        axis.At(0).ShouldBe(0);
        axis.At(3000).ShouldBe(50, 1e-9);
        axis.At(6000).ShouldBe(100, 1e-9);
        var negative = Axis.Linear(-0.1, 1, value => value.ToString(CultureInfo.InvariantCulture));
        negative.At(-0.1).ShouldBeGreaterThan(0);
        negative.At(0).ShouldBe(100 * 0.5 / 1.5, 1e-9);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1e-9, 2e-9)]
    [InlineData(7, 7)]
    [InlineData(0.5, 1e15)]
    public void Every_axis_has_a_few_ticks_and_places_within_it(double least, double most)
    {
        foreach (var axis in (Axis[])[Axis.Linear(least, most, Text), Axis.Logarithmic([least, most], Text)])
        {
            axis.Ticks.Count.ShouldBeInRange(2, 7);
            axis.Ticks.Select(axis.At).ShouldBeInOrder();
            axis.At(least).ShouldBeInRange(0, axis.At(most));
            axis.At(most).ShouldBeLessThanOrEqualTo(100);
            axis.At(0).ShouldBe(0);
        }

        static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);
    }

    [Fact]
    public void Equal_factors_are_equal_distances_on_a_logarithmic_axis()
    {
        var axis = Axis.Logarithmic([7, 21_764], value => value.ToString(CultureInfo.InvariantCulture));
        axis.Ticks.ShouldBe([1, 10, 100, 1000, 10_000, 100_000]);
        (axis.At(200) - axis.At(20)).ShouldBe(20, 1e-9);
    }

    [Theory]
    [InlineData("<script>", "&lt;script&gt;")]
    [InlineData("a\"b'c&d", "a&quot;b&#39;c&amp;d")]
    [InlineData("a\u202eb\u0000c\u001bd\u200f", "a\ufffdb\ufffdc\ufffdd\ufffd")]
    public void Text_is_never_markup_and_changes_nothing_around_it(string text, string escaped) => HtmlWriter.Escape(text).ShouldBe(escaped);

    [Fact]
    public void Half_a_character_is_no_reason_to_fail() => HtmlWriter.Escape("a\ud800b").ShouldBe("a\ufffdb");

    [Fact]
    public void A_page_is_well_formed_and_its_bars_lie_where_the_axis_says()
    {
        var axis = Axis.Linear(0, 10, value => value.ToString(CultureInfo.InvariantCulture));
        var chart = new BarChart(
            "Bars <1>", "What \"is\" to be seen", axis, "things", [new("one", "5 of 10", 5, 4, 6), new("two", "2 to 3", null, 2, 3)], reference: 8);
        var table = new ReportTable("Numbers", [new("Name", false), new("Value")], [["one", "5"], ["two", "–"]]);
        using var output = new StringWriter();
        ReportDocument.Write(output, "Title & more", ["Lead"], [new ReportSection("first", "First", body => body.Figure(chart, table))]);
        var page = XDocument.Parse(output.ToString());
        page.Descendants("title").First().Value.ShouldBe("Title & more");
        var svg = page.Descendants("svg").Single();
        svg.Element("title")!.Value.ShouldBe("Bars <1>");
        var bar = svg.Elements("rect").Single(rect => rect.Attribute("class")!.Value == "bar");
        bar.Attribute("x")!.Value.ShouldBe("0%");
        bar.Attribute("width")!.Value.ShouldBe("50%");
        var band = svg.Elements("rect").Single(rect => rect.Attribute("class")!.Value == "band");
        band.Attribute("x")!.Value.ShouldBe("20%");
        band.Attribute("width")!.Value.ShouldBe("10%");
        svg.Elements("line").Count(line => line.Attribute("class")!.Value == "reference" && line.Attribute("x1")!.Value == "80%").ShouldBe(2);
        page.Descendants("tbody").Single().Elements("tr").Count().ShouldBe(2);
        page.Descendants("a").Single().Attribute("href")!.Value.ShouldBe("#first");
    }

    [Fact]
    public void Points_at_one_place_have_their_names_below_each_other()
    {
        ScatterPoint[] points = [.. Enumerable.Range(0, 4).Select(i => new ScatterPoint($"way {i}", 10, i == 1 ? 100 : null, 5, "a text", i))];
        var page = Page(new ScatterChart(
            "Ways", "Several.", Axis.Logarithmic([10, 100], Number), "for", Axis.Linear(0, 5, Number), "ms", points));
        double[] heights =
        [
            .. page.Descendants("text").Where(text => text.Value.StartsWith("way ", StringComparison.Ordinal))
                .Select(text => double.Parse(text.Attribute("y")!.Value, CultureInfo.InvariantCulture)).Order(),
        ];
        heights.Length.ShouldBe(4);
        heights.Zip(heights.Skip(1)).ShouldAllBe(pair => pair.Second - pair.First >= 17);
        page.Descendants("path").ShouldAllBe(path => path.Element("title")!.Value == "a text");
    }

    /// <summary>Two ways that cost nearly the same, both with a long line to the most: neither line goes through a name.</summary>
    [Fact]
    public void No_name_of_a_point_is_struck_through()
    {
        ScatterPoint[] points = [new("as recorded", 184, 11_100, 930, "a", 0), new("one for each range", 215, 11_100, 852, "b", 1)];
        var page = Page(new ScatterChart(
            "Ways", "Several.", Axis.Logarithmic([184, 11_100], Number), "for", Axis.Linear(0, 930, Number), "ms", points));
        double[] lines = [.. page.Descendants("line").Where(line => line.Attribute("class")!.Value.StartsWith("reach", StringComparison.Ordinal)).Select(line => Height(line, "y1"))];
        double[] names = [.. page.Descendants("text").Where(text => points.Any(point => point.Label == text.Value)).Select(text => Height(text, "y"))];
        lines.Length.ShouldBe(4);
        names.Length.ShouldBe(2);
        names.ShouldAllBe(name => lines.All(line => line < name - 9 || line > name));

        static double Height(XElement element, string name) => double.Parse(element.Attribute(name)!.Value, CultureInfo.InvariantCulture);
    }

    [Fact]
    public void The_highest_bar_over_time_is_marked_and_each_says_what_it_is()
    {
        TimeBar[] bars = [new(0, 1, 2, "low"), new(1, 2, 8, "high"), new(2, 3, 0, "none")];
        var page = Page(new TimeChart("When", "Over time.", Axis.Linear(0, 4, Number), "s", Axis.Linear(0, 8, Number), bars, "8 at 1 s"));
        var drawn = page.Descendants("rect").ToList();
        drawn.Select(bar => bar.Element("title")!.Value).ShouldBe(["low", "high"]);
        drawn.Select(bar => bar.Attribute("class")!.Value).ShouldBe(["bar", "bar peak"]);
        drawn.Select(bar => bar.Attribute("x")!.Value).ShouldBe(["0%", "25%"]);
        page.Descendants("text").ShouldContain(text => text.Value == "8 at 1 s");
    }

    [Fact]
    public void What_is_found_has_its_severity_in_words_and_its_excerpt()
    {
        var table = new ReportTable("Around line 2", [new("Line")], [["1"], ["2"]]) { Emphasis = 1 };
        var output = new StringWriter();
        ReportDocument.Write(
            output,
            "t",
            [],
            [
                new ReportSection("s", "S", body => body.Part("P", () => body.Findings(
                [
                    new ReportFinding("Danger", ReportTone.Bad, "<b>", "3 of <4>", 0.25, "unmaps", ["why & how"], table) { IsOpen = true },
                ]))),
            ],
            "kind");
        var page = XDocument.Parse(output.ToString());
        page.Descendants("h4").Single().Value.ShouldBe("Danger <b>");
        page.Descendants("progress").Single().Attribute("value")!.Value.ShouldBe("0.25");
        page.Descendants("details").Single().Attribute("open").ShouldNotBeNull();
        page.Descendants("tr").Single(row => row.Attribute("class")?.Value == "emphasis").Value.ShouldBe("2");
        page.Descendants("p").First().Value.ShouldBe("kind");
    }

    private static XDocument Page(Chart chart)
    {
        var output = new StringWriter();
        ReportDocument.Write(
            output, "t", [], [new ReportSection("s", "S", body => body.Figure(chart, new ReportTable("c", [new("x", false)], [["1"]])))]);
        return XDocument.Parse(output.ToString());
    }

    private static string Number(double value) => value.ToString(CultureInfo.InvariantCulture);
}
