using IommuKit.Domains;
using IommuKit.Drivers.Vtd;
using IommuKit.Specs.Vtd;

namespace IommuKit.Tests.Drivers.Vtd;

/// <summary>The rules of Linux, release by release.</summary>
public sealed class VtdLinuxRulesTests
{
    private const ulong Data = VtdBench.Data;

    [Theory]
    [InlineData("6.1", "6.1")]
    [InlineData("6.1.0-56-amd64", "6.1")]
    [InlineData("6.11.10", "6.1")]
    [InlineData("5.15.0-119-generic", "6.1")]
    [InlineData("6.12", "6.12")]
    [InlineData("6.12.62", "6.12")]
    [InlineData("6.12.63", "6.19")]
    [InlineData("6.12.117+deb13-amd64", "6.19")]
    [InlineData("6.13.200", "6.12")]
    [InlineData("6.17.12", "6.12")]
    [InlineData("6.17.13-200.fc43.x86_64", "6.19")]
    [InlineData("6.18.1", "6.12")]
    [InlineData("6.18.2", "6.19")]
    [InlineData("6.19.0-rc1", "6.19")]
    [InlineData("7.2.13+deb14-amd64", "6.19")]
    [InlineData("", null)]
    [InlineData("6", null)]
    [InlineData("windows", null)]
    [InlineData("99999999999.1", null)]
    public void Rules_are_found_by_release(string release, string? rules) => VtdDriverOptions.OfLinux(release).ShouldBe(rules switch
    {
        "6.1" => VtdDriverOptions.Linux61,
        "6.12" => VtdDriverOptions.Linux612,
        "6.19" => VtdDriverOptions.Linux619,
        _ => null,
    });

    [Fact]
    public void An_operation_takes_one_block_and_the_hint_only_since_it_takes_effect()
    {
        foreach (var (options, hint) in (ReadOnlySpan<(VtdDriverOptions, bool)>)
            [(VtdDriverOptions.Linux61, false), (VtdDriverOptions.Linux612, false), (VtdDriverOptions.Linux619, true)])
        {
            using var bench = new VtdBench(options: options);
            var domain = bench.MakeAttached(SyncPolicy.SplitSync);
            domain.Map(0x1000, Data, 0x1000, VtdBench.ReadWrite);
            domain.Map(0x5000, Data, 0x2000, VtdBench.ReadWrite);
            domain.Unmap(0x1000, 0x1000);
            domain.Unmap(0x5000, 0x2000);
            bench.Descriptors.Select(descriptor => (descriptor.Address, descriptor.AddressMask, descriptor.InvalidationHint))
                .ShouldBe([(0x1000, 0, hint), (0x4000, 2, hint)]);
            bench.Waits.ShouldBe(2);
        }
    }

    /// <summary>Waits that store their status end a piece; those with the fence flag alone are within it.</summary>
    [Fact]
    public void Until_6_12_each_descriptor_has_a_wait_of_its_own()
    {
        Types(VtdDriverOptions.Linux61).ShouldBe(
        [
            VtdInvalidationType.Iotlb, VtdInvalidationType.Wait, VtdInvalidationType.DeviceTlb, VtdInvalidationType.Wait, VtdInvalidationType.DeviceTlb,
        ]);
        Types(VtdDriverOptions.Linux612).ShouldBe([VtdInvalidationType.Iotlb, VtdInvalidationType.DeviceTlb, VtdInvalidationType.DeviceTlb]);
        Types(new VtdDriverOptions()).ShouldBe(
            [VtdInvalidationType.Iotlb, VtdInvalidationType.Wait, VtdInvalidationType.DeviceTlb, VtdInvalidationType.DeviceTlb]);
    }

    [Fact]
    public void More_descriptors_than_the_queue_holds_have_a_wait_each_too()
    {
        using var bench = new VtdBench(options: new VtdDriverOptions { WaitsForEach = true, BlocksPerRange = 400 });
        var domain = bench.MakeAttached(SyncPolicy.Explicit);
        for (ulong iova = 0; iova < 800; iova += 2)
        {
            domain.Map(iova << 12, Data, 0x1000, VtdBench.ReadWrite);
            bench.WhereIs(iova << 12).ShouldBe(Data);
        }

        for (ulong iova = 0; iova < 800; iova += 2)
        {
            domain.Unmap(iova << 12, 0x1000);
        }

        domain.Flush();
        for (ulong iova = 0; iova < 800; iova += 2)
        {
            bench.WhereIs(iova << 12).ShouldBeNull();
        }

        // Where the queue is full, there is one more, to make room.
        const int Full = 800 / 256;
        int waits = bench.Waits + bench.Descriptors.Count(descriptor => descriptor.Type == VtdInvalidationType.Wait);
        waits.ShouldBeInRange(400, 400 + Full);
        bench.Descriptors.Count(descriptor => descriptor.Type == VtdInvalidationType.Iotlb).ShouldBe(400);
    }

    private static List<VtdInvalidationType> Types(VtdDriverOptions options)
    {
        using var bench = new VtdBench(
            options: options, functions: [new VtdFunction(0x10, HasDeviceTlb: true), new VtdFunction(0x20, HasDeviceTlb: true)]);
        var domain = bench.MakeAttached(SyncPolicy.Gather);
        domain.Attach(bench.Driver.Devices[1]);
        domain.Map(0x1000, Data, 0x1000, VtdBench.ReadWrite);
        bench.Descriptors.Clear();
        domain.Unmap(0x1000, 0x1000);
        return [.. bench.Descriptors.Select(descriptor => descriptor.Type)];
    }
}
