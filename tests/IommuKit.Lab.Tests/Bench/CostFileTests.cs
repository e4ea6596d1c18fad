using System.Text.Json.Nodes;
using IommuKit.Lab.Costs;

namespace IommuKit.Lab.Tests.Bench;

public sealed class CostFileTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    private static string Text => File.ReadAllText(RepositoryFiles.InRepository("src", "IommuKit.Lab", "Costs", "tegra210.json"));

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Every_number_says_how_it_is_known()
    {
        CostFile.Default.Name.ShouldBe("tegra210-2015");
        foreach (var property in typeof(CostComponents).GetProperties())
        {
            var component = (CostComponent)property.GetValue(CostFile.Default.Components)!;
            component.Kind.ShouldBeOneOf("measured", "fitted", "assumed");
            component.Source.Length.ShouldBeGreaterThan(20);
            component.Us.ShouldBeGreaterThan(0);
        }

        // The anchor: one DMA sync of one entry is 0.24 µs.
        (CostFile.Default.Components.LineCleaned.Us + CostFile.Default.Components.Barrier.Us).ShouldBe(0.24, 1e-9);
    }

    [Fact]
    public void A_file_of_the_users_own_is_read()
    {
        File.WriteAllText(_path, Text.Replace("tegra210-2015", "my board").Replace("0.57", "0.5"));
        var costs = CostFile.Load(_path);
        costs.Name.ShouldBe("my board");
        costs.Components.RegisterWrite.Us.ShouldBe(0.5);
    }

    [Theory]
    [InlineData("{", ":1:")]
    [InlineData("", ":1:")]
    [InlineData("[]", ":1:")]
    [InlineData("null", "holds no costs")]
    [InlineData("{\"name\":\"x\"}", "missing required properties")]
    public void Anything_else_is_refused_with_file_and_line(string text, string reason)
    {
        File.WriteAllText(_path, text);
        string message = Should.Throw<InputException>(() => CostFile.Load(_path)).Message;
        message.ShouldStartWith(_path);
        message.ShouldContain(reason);
        message.ShouldNotContain("\n");
    }

    [Theory]
    [InlineData("register_write", "us", -1.0, "register_write costs -1 us")]
    [InlineData("barrier", "us", double.PositiveInfinity, null)]
    [InlineData("barrier", "nanoseconds", 3.0, "nanoseconds")]
    public void Impossible_components_are_refused(string component, string field, double value, string? reason)
    {
        var json = JsonNode.Parse(Text)!;
        string text = json.ToJsonString();
        json["components"]![component]![field] = double.IsFinite(value) ? value : 1;
        text = json.ToJsonString();
        if (!double.IsFinite(value))
        {
            text = text.Replace("\"barrier\":{\"us\":1", "\"barrier\":{\"us\":1e999");
        }

        File.WriteAllText(_path, text);
        string message = Should.Throw<InputException>(() => CostFile.Load(_path)).Message;
        message.ShouldContain(reason ?? "barrier");
    }

    [Fact]
    public void Another_unit_is_refused()
    {
        File.WriteAllText(_path, Text.Replace("\"us\",", "\"ns\","));
        Should.Throw<InputException>(() => CostFile.Load(_path)).Message.ShouldContain("unit");
    }

    [Fact]
    public void A_missing_file_is_named() => Should.Throw<InputException>(() => CostFile.Load("/nowhere/costs.json")).Message.ShouldContain("/nowhere/costs.json");
}
