using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using IommuKit.Checker.Rigs;
using IommuKit.Domains;
using IommuKit.Drivers.Smmu3;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Arm;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Checker.Iommus.Smmu3;

/// <summary>
/// A guest whose stage 1 swaps the two halves of 39 bits, by blocks of 1 GiB. So its addresses are never those of the domain under it.
/// </summary>
internal static class SwappedStage1
{
    private const int PageLog2 = 12;
    private const int BlockLog2 = 30;
    private const int InputBits = 39;
    private const int Entries = 1 << (InputBits - BlockLog2);
    private const ulong Half = 1ul << (InputBits - 1);
    private const ulong Block = ArmLpaeDescriptor.Valid | ArmLpaeDescriptor.Unprivileged | ArmLpaeDescriptor.AccessFlag | ArmLpaeDescriptor.NotGlobal;

    // One range of addresses by tables of 4 KiB, of which the root is at level 1; what ends is recorded and aborted. IPS is what IDR5 allows at most.
    private const ulong Context = (64 - InputBits)
        | (1ul << 30)
        | Smmu3ContextDescriptor.Valid
        | (6ul << 32)
        | (1ul << 41)
        | (1ul << 45)
        | (1ul << 46)
        | (1ul << 48);

    // Where the guest has its descriptor and its table: far from what scenarios map, so that their tables lead nowhere else.
    private const ulong Home = 100ul << BlockLog2;
    private const ulong Root = Home + (1 << PageLog2);

    // They never change, and all guests of a machine have the same. They and the domains go when the machine does.
    private static readonly ConditionalWeakTable<Machine, ulong[]> Pages = [];
    private static readonly ConditionalWeakTable<IommuDomain, Smmu3NestedDomain> Guests = [];

    /// <summary>What it takes of the pool: its own pages, and in each of two domains, one of them new while the old one goes, those that map them.</summary>
    public const int PoolPages = 2 + (3 * 2);

    /// <summary>What stands on top.</summary>
    public static TopDomain Top { get; } = new(Over, address => address ^ Half);

    private static Smmu3NestedDomain Over(Machine machine, IommuDomain memory) =>
        Guests.GetValue(memory, domain => Make(machine, (PagingDomain)domain));

    private static Smmu3NestedDomain Make(Machine machine, PagingDomain memory)
    {
        ulong[] pages = Pages.GetValue(machine, MakePages);
        memory.Map(Home, pages[0], 1 << PageLog2, Protection.Read | Protection.Write);
        memory.Map(Root, pages[1], 1 << PageLog2, Protection.Read | Protection.Write);
        memory.Flush();
        return ((Smmu3Driver)machine.Driver).CreateNestedDomain(memory, new Smmu3GuestContexts(Home));
    }

    /// <summary>The page of the context descriptor, and the table.</summary>
    private static ulong[] MakePages(Machine machine)
    {
        ulong[] pages = [NewPage(machine), NewPage(machine)];
        Store(machine, pages[0], Context);
        Store(machine, pages[0] + 8, Root);
        Store(machine, pages[0] + 24, 0xff);
        for (ulong entry = 0; entry < Entries; entry++)
        {
            Store(machine, pages[1] + (entry * sizeof(ulong)), ((entry << BlockLog2) ^ Half) | Block);
        }

        return pages;
    }

    private static ulong NewPage(Machine machine)
    {
        if (!machine.Allocator.TryAllocate(PageLog2, out ulong address))
        {
            throw new IommuException(IommuError.ENOMEM, "The pool has no room for a guest's tables.");
        }

        machine.Memory.CpuView.Span(address, 1 << PageLog2).Clear();
        return address;
    }

    private static void Store(Machine machine, ulong address, ulong value) =>
        BinaryPrimitives.WriteUInt64LittleEndian(machine.Memory.CpuView.Span(address, sizeof(ulong)), value);
}
