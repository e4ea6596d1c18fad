using IommuKit.Checker.Shadow;

namespace IommuKit.Checker.Tests;

/// <summary>What is promised of a page, and what the numbers stand for.</summary>
public class ExpectationsTests
{
    private const ulong None = 1;
    private const ulong A = 2;
    private const ulong B = 4;

    private readonly Expectations _expected = new(domains: 2, devices: 3, pages: 4);

    [Fact]
    public void At_first_nothing_is_mapped_and_no_device_is_attached()
    {
        _expected.Domains.ShouldBe(2);
        _expected.DomainOf.ShouldBe([-1, -1, -1]);
        _expected.IsAllPromised.ShouldBeTrue();
        (_expected.AllowedOf(1, 3), _expected.IntendedOf(1, 3)).ShouldBe((None, None));
        (_expected.WasEver(1, 3, None), _expected.WasEver(1, 3, A)).ShouldBe((true, false));
    }

    [Fact]
    public void What_is_permitted_is_allowed_until_it_is_withdrawn()
    {
        _expected.Permit(1, 2, A);
        (_expected.AllowedOf(1, 2), _expected.IntendedOf(1, 2), _expected.IsAllPromised).ShouldBe((None | A, None, false));
        _expected.WasEver(1, 2, A).ShouldBeTrue();
        _expected.AllowedOf(1, 1).ShouldBe(None);
        _expected.AllowedOf(0, 2).ShouldBe(None);
        _expected.Withdraw(1, 2, A);
        (_expected.AllowedOf(1, 2), _expected.IsAllPromised).ShouldBe((None, true));

        // The page did have it, for a device that was quick.
        _expected.WasEver(1, 2, A).ShouldBeTrue();
    }

    [Fact]
    public void What_is_intended_cannot_be_withdrawn()
    {
        _expected.Intend(0, 1, A);
        _expected.WasEver(0, 1, A).ShouldBeTrue();
        _expected.AllowedOf(0, 1).ShouldBe(None | A);
        _expected.Permit(0, 1, A | B);
        _expected.Withdraw(0, 1, A | B);
        _expected.AllowedOf(0, 1).ShouldBe(None | A);
    }

    [Fact]
    public void A_promise_leaves_only_what_is_intended()
    {
        _expected.Intend(0, 1, A);
        _expected.Promise(0, 1);
        (_expected.AllowedOf(0, 1), _expected.IsAllPromised).ShouldBe((A, true));
        _expected.Intend(0, 1, B);
        _expected.AllowedOf(0, 1).ShouldBe(A | B);
        _expected.Forbid(0, 1);
        (_expected.AllowedOf(0, 1), _expected.IsAllPromised).ShouldBe((None | B, false));
        _expected.Promise(0, 1);
        _expected.AllowedOf(0, 1).ShouldBe(B);
        _expected.WasEver(0, 1, A).ShouldBeTrue();
    }

    [Fact]
    public void A_place_has_64_different_values()
    {
        var values = new DistinctValues(2);
        for (int number = 0; number < 64; number++)
        {
            values.BitOf(1, 1000 + (ulong)number).ShouldBe(1ul << number);
            values.BitOf(1, 1000).ShouldBe(1ul);
        }

        values.IsFull.ShouldBeFalse();
        (values.ValueOf(1, 1ul << 63), values.ValueOf(1, 0b1100)).ShouldBe((1063ul, 1002ul));
        values.BitOf(0, 1063).ShouldBe(1ul);
        values.BitOf(1, 1063).ShouldBe(1ul << 63);
        values.IsFull.ShouldBeFalse();
        values.BitOf(1, 5).ShouldBe(1ul << 63);
        values.IsFull.ShouldBeTrue();
    }

    [Fact]
    public void The_least_work_adds_up()
    {
        var work = new LeastWork(1, 2, 4, 8, 16);
        work.Total.ShouldBe(31);
        (work + new LeastWork(100, 200, 300, 400, 500)).ShouldBe(new LeastWork(101, 202, 304, 408, 516));
    }

    /// <summary>What another state may hold is added set by set; roots and routes are the same in both.</summary>
    [Fact]
    public void States_are_united_and_copied_in_all_of_their_sets()
    {
        var one = new ShadowState(1, 1, 4, 1, 2, 1, 1);
        var other = new ShadowState(1, 1, 4, 1, 2, 1, 1);
        foreach (var sets in (ulong[][])[other.Cached, other.Lines, other.Translations, other.Walks, other.Answers])
        {
            sets[^1] = 6;
        }

        other.Roots[0] = 3;
        other.Routes[0] = 4;
        foreach (var sets in (ulong[][])[one.Cached, one.Lines, one.Translations, one.Walks, one.Answers])
        {
            sets[^1] = 9;
        }

        one.UniteWith(other);
        (one.Cached[^1], one.Lines[^1], one.Translations[^1], one.Walks[^1], one.Answers[^1]).ShouldBe((15ul, 15ul, 15ul, 15ul, 15ul));
        (one.Roots[0], one.Routes[0]).ShouldBe((ulong.MaxValue, ulong.MaxValue));
        one.CopyFrom(other);
        (one.Cached[^1], one.Lines[^1], one.Translations[^1], one.Walks[^1], one.Answers[^1]).ShouldBe((6ul, 6ul, 6ul, 6ul, 6ul));
        (one.Roots[0], one.Routes[0]).ShouldBe((3ul, 4ul));
        (ShadowState.LineWords(0), ShadowState.LineWords(1), ShadowState.LineWords(64), ShadowState.LineWords(65)).ShouldBe((0, 1, 1, 2));
    }
}
