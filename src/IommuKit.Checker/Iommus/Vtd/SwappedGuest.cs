using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using IommuKit.Checker.Rigs;
using IommuKit.Domains;
using IommuKit.Drivers.Vtd;
using IommuKit.Lab.Machines;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.X86;

namespace IommuKit.Checker.Iommus.Vtd;

/// <summary>
/// A guest whose first stage swaps the lowest 512 GiB with the next, and the highest of its lower half with those below, by pages of 1 GiB. So its
/// addresses are never those of the domain under it.
/// </summary>
internal static class SwappedGuest
{
    /// <summary>What it takes of the pool: its own tables, and in each of two domains, one of them new while the old one goes, those that map them.</summary>
    public const int Pages = 3 + (3 * 3);

    private const int PageLog2 = 12;
    private const int RegionLog2 = 39;
    private const int LargePageLog2 = 30;
    private const int Entries = 512;
    private const ulong Region = 1ul << RegionLog2;
    private const ulong Pointer = X86Entry.Present | X86Entry.Writable | X86Entry.User | X86Entry.Accessed;
    private const ulong Leaf = Pointer | X86Entry.Dirty | X86Entry.PageSize;

    // Where the guest has its tables: in a region of its own, so that tables of the domain that scenarios need lead nowhere else.
    private const ulong Home = 100 * Region;

    // Regions of the domain that a device reaches.
    private static readonly int[] Regions = [0, 255];

    // Its tables never change, and all guests of a machine have the same. They and the domains go when the machine does.
    private static readonly ConditionalWeakTable<Machine, ulong[]> Tables = [];
    private static readonly ConditionalWeakTable<IommuDomain, VtdNestedDomain> Guests = [];

    /// <summary>What stands on top.</summary>
    public static TopDomain Top { get; } = new(Over, address => address ^ Region);

    private static VtdNestedDomain Over(Machine machine, IommuDomain memory) =>
        Guests.GetValue(memory, domain => Make(machine, (PagingDomain)domain));

    private static VtdNestedDomain Make(Machine machine, PagingDomain memory)
    {
        ulong[] tables = Tables.GetValue(machine, MakeTables);
        for (int i = 0; i < tables.Length; i++)
        {
            memory.Map(AddressOf(i), tables[i], 1 << PageLog2, Protection.Read | Protection.Write);
        }

        memory.Flush();
        return ((VtdDriver)machine.Driver).CreateNestedDomain(memory, new VtdGuestTables(Home));
    }

    /// <summary>The root, and a table for each region.</summary>
    private static ulong[] MakeTables(Machine machine)
    {
        ulong[] tables = [.. Enumerable.Range(0, 1 + Regions.Length).Select(_ => NewTable(machine))];
        for (int i = 0; i < Regions.Length; i++)
        {
            Store(machine, tables[0] + (((ulong)Regions[i] ^ 1) * sizeof(ulong)), AddressOf(i + 1) | Pointer);
            for (int entry = 0; entry < Entries; entry++)
            {
                ulong address = ((ulong)Regions[i] << RegionLog2) | ((ulong)entry << LargePageLog2);
                Store(machine, tables[i + 1] + ((ulong)entry * sizeof(ulong)), address | Leaf);
            }
        }

        return tables;
    }

    private static ulong NewTable(Machine machine)
    {
        if (!machine.Allocator.TryAllocate(PageLog2, out ulong address))
        {
            throw new IommuException(IommuError.ENOMEM, "The pool has no room for a guest's tables.");
        }

        machine.Memory.CpuView.Span(address, 1 << PageLog2).Clear();
        return address;
    }

    private static ulong AddressOf(int table) => Home + ((ulong)table << PageLog2);

    private static void Store(Machine machine, ulong address, ulong value) =>
        BinaryPrimitives.WriteUInt64LittleEndian(machine.Memory.CpuView.Span(address, sizeof(ulong)), value);
}
