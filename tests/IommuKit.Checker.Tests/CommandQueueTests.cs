using System.Buffers.Binary;
using IommuKit.Checker.Shadow;
using IommuKit.Lab.Formats;
using IommuKit.Lab.Machines;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.X86;

namespace IommuKit.Checker.Tests;

/// <summary>
/// Hardware that is told what to do through memory: one device's address space is in a table, commands are in a queue, and one doorbell publishes all
/// that is in it.
/// </summary>
public sealed class CommandQueueTests : IDisposable
{
    private const ulong DeviceTable = 0x1000;
    private const ulong Queue = 0x2000;
    private const ulong Pool = 0x10_0000;
    private const ulong PoolBytes = 64 << 10;
    private const uint Doorbell = 0;
    private const ulong DropRoutes = 1;
    private const ulong DropPage = 2;
    private const ulong Sync = 3;

    private static readonly ulong[] Pages = [0x4000, 0x5000];

    private readonly PhysicalMemory _memory;
    private readonly PageTable<X86Format>[] _tables;
    private readonly FlushChecker<X86Format> _checker;
    private CountingSink _sink;

    public CommandQueueTests()
        : this(isCoherent: true)
    {
    }

    private CommandQueueTests(bool isCoherent)
    {
        _memory = new PhysicalMemory(Pool + PoolBytes, isCoherent);
        var allocator = new PageAllocator(_memory.CpuView, Pool, PoolBytes);
        _sink = new CountingSink(allocator, 12);
        _tables =
        [
            .. Enumerable.Range(0, 2).Select(_ => new PageTable<X86Format>(new PageTableOptions { InputBits = 48, OutputBits = 48 }, allocator)),
        ];
        var traits = new ShadowTraits { HasCoherentWalk = isCoherent, CachesInvalidEntries = false, HasPostedCommands = true, HasWalkCache = true };
        _checker = new FlushChecker<X86Format>(
            new TrackedPages<X86Format>(Pages, 48, 48, Pool, PoolBytes), traits, new Decoder(_memory, [.. _tables.Select(table => table.Root)]), _memory, 2, 2, 1);
        for (int domain = 0; domain < 2; domain++)
        {
            foreach (ulong page in Pages)
            {
                ulong address = 0x1000_0000 + ((ulong)domain << 24) + page;
                _tables[domain].Map(page, address, 4096, Protection.Read | Protection.Write, ref _sink).ShouldBe(IommuError.None);
                _checker.Intend(domain, page, 4096, address, Protection.Read | Protection.Write);
                _checker.Promise(domain, page, 4096);
            }
        }

        Clean();
    }

    public void Dispose()
    {
        Array.ForEach(_tables, table => table.Dispose());
        _memory.Dispose();
    }

    [Fact]
    public void A_device_that_was_told_its_space_and_waited_for_is_translated()
    {
        Attach(0);
        Ring(DropRoutes, Sync);
        _checker.Attached(0, 0);
        Violation().ShouldBeNull();
        _checker.Foresees(0, 0, 0x1000_4000).ShouldBeTrue();
        _checker.Foresees(0, 0, 0x1100_4000).ShouldBeFalse();
    }

    [Fact]
    public void What_hardware_remembers_of_its_entry_must_be_dropped()
    {
        Attach(0);
        Ring(DropRoutes, Sync);
        Attach(1);
        Ring(Sync);
        _checker.Attached(0, 1);
        var violation = Violation().ShouldNotBeNull();
        (violation.Source, violation.IsPosted, violation.Space).ShouldBe((StaleSource.RouteCache, false, 0));
    }

    [Fact]
    public void The_drop_must_be_waited_for()
    {
        Attach(0);
        Ring(DropRoutes, Sync);
        Attach(1);
        Ring(DropRoutes);
        _checker.Attached(0, 1);
        var violation = Violation().ShouldNotBeNull();
        (violation.Source, violation.IsPosted).ShouldBe((StaleSource.RouteCache, true));
    }

    [Fact]
    public void After_both_the_old_space_is_gone()
    {
        Attach(0);
        Ring(DropRoutes, Sync);
        Attach(1);
        Ring(DropRoutes, Sync);
        _checker.Attached(0, 1);
        Violation().ShouldBeNull();
        _checker.Foresees(0, 0, 0x1000_4000).ShouldBeFalse();
    }

    [Fact]
    public void A_store_that_was_not_cleaned_has_not_happened_to_hardware_that_does_not_snoop()
    {
        using var other = new CommandQueueTests(isCoherent: false);
        other.Store(DeviceTable, 1);
        other.Ring(DropRoutes, Sync);
        other._checker.Attached(0, 0);
        other.Violation().ShouldNotBeNull().Source.ShouldBe(StaleSource.Route);
    }

    [Theory]
    [InlineData(new ulong[] { DropPage | (0x4000 << 8), DropPage | (0x5000 << 8), Sync }, null, null)]
    [InlineData(new ulong[] { DropPage | (0x4000 << 8), Sync }, 1, false)]
    [InlineData(new ulong[] { DropPage | (0x4000 << 8), DropPage | (0x5000 << 8) }, 0, true)]
    [InlineData(new ulong[] { DropPage | (0x4000 << 8), Sync, DropPage | (0x5000 << 8) }, 1, true)]
    public void One_doorbell_publishes_many_commands(ulong[] commands, int? page, bool? isPosted)
    {
        Attach(0);
        Ring(DropRoutes, Sync);
        _checker.Attached(0, 0);
        _checker.Permit(0, Pages[0], 8192, null, Protection.None);
        _tables[0].TryUnmap(Pages[0], 8192, ref _sink, out _);
        Ring(commands);
        _checker.Intend(0, Pages[0], 8192, null, Protection.None);
        _checker.Promise(0, Pages[0], 8192);
        var violation = Violation();
        (violation?.Page, violation?.IsPosted).ShouldBe((page, isPosted));
    }

    private Violation? Violation()
    {
        _checker.Check();
        return _checker.Violation;
    }

    private void Attach(int space)
    {
        Store(DeviceTable, (ulong)space + 1);
        Clean();
    }

    private void Store(ulong address, ulong value) =>
        BinaryPrimitives.WriteUInt64LittleEndian(_memory.CpuView.Span(address, sizeof(ulong)), value);

    private void Ring(params ulong[] commands)
    {
        for (int i = 0; i < commands.Length; i++)
        {
            Store(Queue + ((ulong)i * 8), commands[i]);
        }

        _memory.Clean(Queue, 4096);
        _memory.Barrier();
        _checker.Observe(new MaintenanceStep(MaintenanceKind.RegisterWrite, Doorbell, (ulong)commands.Length, default));
    }

    /// <summary>Everything is in memory.</summary>
    private void Clean()
    {
        _checker.Observe(new MaintenanceStep(MaintenanceKind.Clean, 0, _memory.Length, default));
        _memory.Clean(0, _memory.Length);
        _checker.Observe(new MaintenanceStep(MaintenanceKind.Barrier, 0, 0, default));
        _memory.Barrier();
    }

    private sealed class Decoder(PhysicalMemory memory, ulong[] roots) : ICommandDecoder
    {
        private readonly byte[] _entry = new byte[sizeof(ulong)];
        private bool _hasRoots;

        public IReadOnlyList<TrackedRange> Structures { get; } = [new(DeviceTable, 8)];

        public void Decode(in MaintenanceStep access, ShadowCommands commands)
        {
            for (ulong i = 0; i < access.Value; i++)
            {
                memory.DeviceView.TryRead(Queue + (i * 8), _entry).ShouldBeTrue();
                ulong command = BinaryPrimitives.ReadUInt64LittleEndian(_entry);
                switch (command & 0xff)
                {
                    case DropRoutes:
                        commands.DropRoutes(ShadowCommand.Every);
                        break;
                    case DropPage:
                        commands.DropTranslations(ShadowCommand.Every, command >> 8, (command >> 8) + 4095, withTables: true);
                        break;
                    case Sync:
                        commands.Complete();
                        break;
                }
            }
        }

        public void Stored(ulong address, ulong before, ulong after, ShadowCommands commands)
        {
            if (!_hasRoots)
            {
                _hasRoots = true;
                commands.SetRoot(0, roots[0]);
                commands.SetRoot(1, roots[1]);
            }

            if (address == DeviceTable)
            {
                commands.StoreRoute(0, after == 0 ? null : (int)after - 1);
            }
        }
    }
}
