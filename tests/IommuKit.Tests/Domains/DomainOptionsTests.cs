using IommuKit.Domains;
using IommuKit.PageTables;

namespace IommuKit.Tests.Domains;

public class DomainOptionsTests
{
    public static TheoryData<DomainOptions> Possible() =>
    [
        new() { FlushAllPages = 0 },
        new() { FlushAllPages = 1 },
        new() { DeferredCapacity = 1 },
        new() { DeferredCapacity = 1 << 20 },
        new() { DeferredAge = TimeSpan.Zero },
        new() { ExplicitCapacity = 1 },
        new() { ExplicitCapacity = 65_536 },
    ];

    public static TheoryData<DomainOptions> Impossible() =>
    [
        new() { Policy = (SyncPolicy)99 },
        new() { Release = (TableRelease)99 },
        new() { Clock = null! },
        new() { FlushAllPages = -1 },
        new() { DeferredCapacity = 0 },
        new() { DeferredCapacity = (1 << 20) + 1 },
        new() { DeferredAge = TimeSpan.FromTicks(-1) },
        new() { ExplicitCapacity = 0 },
        new() { ExplicitCapacity = 65_537 },
    ];

    [Theory]
    [MemberData(nameof(Possible), DisableDiscoveryEnumeration = true)]
    public void The_ends_of_what_is_possible_are_accepted(DomainOptions options) => Should.NotThrow(options.Validate);

    [Theory]
    [MemberData(nameof(Impossible), DisableDiscoveryEnumeration = true)]
    public void What_is_past_them_is_refused(DomainOptions options) =>
        Should.Throw<IommuException>(options.Validate).Error.ShouldBe(IommuError.EINVAL);
}
