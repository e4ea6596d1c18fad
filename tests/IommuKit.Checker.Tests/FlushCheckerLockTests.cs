using System.Runtime.CompilerServices;
using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Checker.Shadow;
using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.X86;

namespace IommuKit.Checker.Tests;

/// <summary>What a checker keeps is changed and asked by one thread at a time, also when operations run on two.</summary>
public sealed class FlushCheckerLockTests : IDisposable
{
    private readonly CheckRig _machine =
        new CheckConfiguration(CheckTargets.Find("x86-64-coherent")!, SyncPolicy.Gather, TableRelease.Never).CreateMachine();

    private FlushChecker<X86Format> Checker => _machine.Checker.ShouldBeOfType<FlushChecker<X86Format>>();

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void A_look_at_stores_waits() => ShouldStop(Checker.Look);

    [Fact]
    public void An_access_waits() => ShouldStop(() => Checker.Observe(new MaintenanceStep(MaintenanceKind.Barrier, 0, 0, default)));

    [Fact]
    public void A_check_waits() => ShouldStop(Checker.Check);

    [Fact]
    public void The_beginning_of_counting_waits() => ShouldStop(() => Checker.StartCounting(new WasteCounts()));

    [Fact]
    public void The_least_work_waits()
    {
        Checker.StartCounting(new WasteCounts());
        ShouldStop(() => Checker.TakeLeast());
    }

    [Fact]
    public void Attaching_waits() => ShouldStop(() => Checker.Attached(0, 0));

    [Fact]
    public void Detaching_waits() => ShouldStop(() => Checker.Detached(0));

    [Fact]
    public void A_promise_waits() => ShouldStop(() => Checker.Promise(0, 0, 4096));

    [Fact]
    public void A_question_about_a_device_waits() => ShouldStop(() => Checker.IsAttached(0));

    [Fact]
    public void A_question_about_an_answer_waits() => ShouldStop(() => Checker.Foresees(0, 0, null));

    private void ShouldStop(Action work) => HeldLock.ShouldStop(CheckerFields<X86Format>.Gate(Checker), work);

    private static class CheckerFields<TFormat>
        where TFormat : struct, IPageTableFormat
    {
        [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_gate")]
        public static extern ref Lock Gate(FlushChecker<TFormat> checker);
    }
}
