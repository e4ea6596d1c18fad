using IommuKit.Domains;
using IommuKit.Drivers.Tegra;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tegra;

namespace IommuKit.Tests.Drivers;

/// <summary>Interrupts that come in the middle of an operation, on its thread, as any access to a register may bring them.</summary>
public sealed class TegraInterruptTests : IDisposable
{
    private const ulong Span = 4 << 20;

    private readonly PhysicalMemory _memory = new(1ul << 34, isCoherent: true);
    private readonly Registers _registers = new();
    private readonly TegraSmmuDriver _driver;
    private readonly PageAllocator _allocator;

    public TegraInterruptTests()
    {
        _allocator = new PageAllocator(_memory.CpuView, 0x1_0000_0000, 1 << 20);
        _driver = new TegraSmmuDriver(TegraSoc.Tegra210, _registers, _memory, _allocator, ahb: new Registers());
        _registers.OnRead = () => _driver.HandleInterrupt();
    }

    public void Dispose() => _memory.Dispose();

    [Theory]
    [InlineData(SyncPolicy.PerPage)]
    [InlineData(SyncPolicy.Gather)]
    [InlineData(SyncPolicy.SplitSync)]
    public void A_handler_runs_when_the_operation_is_complete(SyncPolicy policy)
    {
        using var domain = _driver.CreateDomain(new DomainOptions { Policy = policy, Release = TableRelease.WhenEmpty });
        using var other = _driver.CreateDomain(new DomainOptions { Policy = policy, Release = TableRelease.WhenEmpty });
        domain.Attach(_driver.Devices[0]);
        domain.Map(0, 0, 16 * 4096, Protection.Read);
        var seen = new List<bool>();
        _driver.StrayFaultHandler = _ =>
        {
            // The whole range is gone, and the handler may do what it likes.
            seen.Add(domain.TryFindNext(0, Span, out ulong _));
            other.TryMap(Span, 0, 16 * 4096, Protection.Read);
            domain.TryMap(Span, 0, 4096, Protection.Read);
        };
        _registers.Faults = 1;

        domain.Unmap(0, 16 * 4096).ShouldBe(16ul * 4096);

        seen.ShouldBe([false]);
        domain.TryTranslate(Span, out _).ShouldBeTrue();
        for (ulong page = 0; page < 16; page++)
        {
            other.TryTranslate(Span + (page * 4096), out ulong address).ShouldBeTrue();
            address.ShouldBe(page * 4096);
        }
    }

    [Theory]
    [InlineData(SyncPolicy.PerPage)]
    [InlineData(SyncPolicy.Gather)]
    public void A_handler_that_throws_breaks_nothing(SyncPolicy policy)
    {
        using var domain = _driver.CreateDomain(new DomainOptions { Policy = policy, Release = TableRelease.WhenEmpty });
        domain.Attach(_driver.Devices[0]);
        domain.Map(0, 0, 16 * 4096, Protection.Read);
        long tables = _allocator.Outstanding;
        _driver.StrayFaultHandler = _ => throw new TimeoutException("No.");
        _registers.Faults = 1;

        Should.Throw<TimeoutException>(() => domain.Unmap(0, 16 * 4096));

        domain.TryFindNext(0, Span, out _).ShouldBeFalse();
        _allocator.Outstanding.ShouldBe(tables - 1);
    }

    [Fact]
    public void A_handler_runs_when_a_device_is_attached()
    {
        using var domain = _driver.CreateDomain(new DomainOptions());
        bool? isAttached = null;
        _driver.StrayFaultHandler = _ => isAttached = _driver.Devices[0].Domain == domain;
        _registers.Faults = 1;

        domain.Attach(_driver.Devices[0]);

        isAttached.ShouldBe(true);
    }

    /// <summary>Registers that hold what is written, and report a fault of a client in no domain.</summary>
    private sealed class Registers : IMmio
    {
        private bool _isBusy;

        /// <summary>Called in the middle of a read.</summary>
        public Action? OnRead { get; set; }

        /// <summary>Faults to come.</summary>
        public int Faults { get; set; }

        public uint Read32(uint offset)
        {
            if (OnRead is { } onRead && Faults != 0 && !_isBusy && offset != TegraMc.IntStatus)
            {
                _isBusy = true;
                onRead();
                _isBusy = false;
            }

            return offset == TegraMc.IntStatus && Faults != 0 ? TegraMc.Interrupt.InvalidSmmuPage : 0;
        }

        public void Write32(uint offset, uint value)
        {
            if (offset == TegraMc.IntStatus && Faults != 0)
            {
                Faults--;
            }
        }
    }
}
