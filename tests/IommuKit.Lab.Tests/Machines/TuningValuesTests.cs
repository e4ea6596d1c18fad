using IommuKit.Lab.Machines;

namespace IommuKit.Lab.Tests.Machines;

public class TuningValuesTests
{
    private static readonly TuningOption Step = new("step", "SIZE", "a step") { Format = value => $"{value / 1024}K" };
    private static readonly TuningOption Threshold = new("threshold", "N", "a threshold");

    [Fact]
    public void What_was_not_set_is_0() => (TuningValues.None[Step], TuningValues.None["threshold"]).ShouldBe((0, 0));

    [Fact]
    public void Values_are_equal_by_name_in_whatever_order_they_were_set()
    {
        var one = TuningValues.None.With(Step, 4096).With(Threshold, 3);
        var other = TuningValues.None.With(Threshold, 1).With(Step, 4096).With(Threshold with { Description = "the same" }, 3);
        one.ShouldBe(other);
        one.GetHashCode().ShouldBe(other.GetHashCode());
        one.ShouldNotBe(other.With(Threshold, 4));
        one.ShouldNotBe(TuningValues.None.With(Step, 4096));
    }

    [Fact]
    public void One_that_is_set_to_0_counts_as_not_set()
    {
        TuningValues.None.With(Step, 0).ShouldBe(TuningValues.None);
        TuningValues.None.With(Step, 0).GetHashCode().ShouldBe(TuningValues.None.GetHashCode());
        TuningValues.None.With(Step, 4096).With(Step, 0).ShouldBe(TuningValues.None);
    }

    [Fact]
    public void They_are_written_as_users_write_them() =>
        TuningValues.None.With(Step, 8192).With(Threshold, 0).ToString().ShouldBe("step=8K");

    [Fact]
    public void Less_than_0_is_no_value() => Should.Throw<ArgumentOutOfRangeException>(() => TuningValues.None.With(Step, -1));
}
