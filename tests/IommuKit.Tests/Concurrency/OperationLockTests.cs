using System.Runtime.CompilerServices;
using IommuKit.Domains;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Sync;

using Arm = IommuKit.Specs.Arm.ArmLpae<IommuKit.Specs.Arm.ArmGranule4K, IommuKit.Specs.Arm.ArmStage1>;

namespace IommuKit.Tests.Concurrency;

/// <summary>Where threads could not tell what others have not finished, operations of a domain are one after the other.</summary>
public sealed class OperationLockTests : IDisposable
{
    private const ulong Page = 4096;

    private readonly WalkingMachine<Arm> _machine = new(39);
    private readonly IommuDomain _domain;

    public OperationLockTests() => _domain = _machine.CreateDomain(new DomainOptions { Release = TableRelease.WhenEmpty });

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void A_map_waits() => ShouldStop(() => _domain.Map(0, 0, Page, Protection.Read));

    [Fact]
    public void A_map_of_a_scatter_list_waits() => ShouldStop(() => _domain.MapScatterGather(0, [new PhysicalRange(0, Page)], Protection.Read));

    [Fact]
    public void An_unmap_waits() => ShouldStop(() => _domain.Unmap(0, Page));

    [Fact]
    public void Without_need_there_is_no_lock() =>
        Gate(_machine.CreateDomain(new DomainOptions { Release = TableRelease.WhenCovered })).ShouldBeNull();

    private static Lock? Gate(IommuDomain domain) =>
        Fields<Arm, WalkingMachine<Arm>.Hardware, NoBatch>.Gate(domain.ShouldBeOfType<PagingDomain<Arm, WalkingMachine<Arm>.Hardware, NoBatch>>());

    private void ShouldStop(Action work) => HeldLock.ShouldStop(Gate(_domain).ShouldNotBeNull(), work);

    private static class Fields<TFormat, THardware, TBatch>
        where TFormat : struct, IPageTableFormat
        where THardware : struct, IDomainHardware<TBatch>
        where TBatch : struct
    {
        [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_operationLock")]
        public static extern ref Lock? Gate(PagingDomain<TFormat, THardware, TBatch> domain);
    }
}
