using System.Numerics;
using IommuKit.Specs.Smmu2;
using IommuKit.Sync;

namespace IommuKit.Drivers.Smmu2;

/// <summary>One domain as the SMMU sees it, and the primitives that the policies use.</summary>
internal sealed class Smmu2AddressSpace(Smmu2Registers registers, Smmu2Invalidations rules)
{
    private const int NoBank = -1;
    private const int PageShift = 12;
    private const ulong Page32Mask = 0xffff_f000;
    private const ulong Page64Mask = (1ul << 44) - 1;

    // Written under the driver's lock; see IsLive.
    private volatile int _bank = NoBank;

    /// <summary>The page table.</summary>
    public ulong Root { get; set; }

    /// <summary>The level of the root, as Arm counts.</summary>
    public int StartLevel { get; set; }

    /// <summary>The context bank; −1 if no device is attached.</summary>
    public int Bank
    {
        get => _bank;
        set => _bank = value;
    }

    /// <summary>Attached devices.</summary>
    public int Users { get; set; }

    /// <summary>The ASID of a bank: no other bank has it.</summary>
    public static ushort AsidOf(int bank) => (ushort)bank;

    /// <summary>The VMID of a bank of stage 2. 0 is that of stage 1.</summary>
    public static ushort VmidOf(int bank) => (ushort)(bank + 1);

    /// <summary>Takes the bank away.</summary>
    public void Drop() => _bank = NoBank;

    /// <summary>Drops everything cached of a bank's address space, and waits.</summary>
    public void DropAllAndWait(int bank)
    {
        var batch = default(Smmu2Batch);
        DropAll(bank, ref batch);
        Wait(batch);
    }

    private void DropAll(int bank, ref Smmu2Batch batch)
    {
        if (rules.IsStage2)
        {
            registers.Write(Smmu2Global.DropVmid, VmidOf(bank));
            batch.IsGlobal = true;
        }
        else
        {
            registers.WriteBank(bank, Smmu2Bank.DropAsid, AsidOf(bank));
            batch.BankPlusOne = bank + 1;
        }
    }

    private void Drop(in TlbRange range, ref Smmu2Batch batch)
    {
        int bank = _bank;
        if (bank == NoBank)
        {
            // Detached since IsLive was asked: that dropped everything.
            return;
        }

        // Each entry is cached by itself, whatever neighbours it may have a hint about.
        ulong smaller = rules.EntrySizes & ((2ul << range.LeafLog2) - 1);
        int stepLog2 = smaller == 0 ? PageShift : BitOperations.Log2(smaller);
        ulong last = range.LastIova;
        ulong count = (last >> stepLog2) - (range.Iova >> stepLog2) + 1;
        if (range.IsEverything || rules.IsWholeOnly || count >= (ulong)rules.MostInvalidations)
        {
            DropAll(bank, ref batch);
            return;
        }

        uint register = RegisterFor(range.ChangesTables);
        for (ulong iova = range.Iova; ; iova += 1ul << stepLog2)
        {
            if (rules.Is64 || rules.IsStage2)
            {
                // By IPA it is the same for tables of AArch32.
                ulong asid = rules.IsStage2 ? 0 : (ulong)AsidOf(bank) << Smmu2Bank.AsidShift;
                registers.WriteBank64(bank, register, ((iova >> PageShift) & Page64Mask) | asid);
            }
            else
            {
                registers.WriteBank(bank, register, (uint)(iova & Page32Mask) | AsidOf(bank));
            }

            if (--count == 0)
            {
                break;
            }
        }

        batch.BankPlusOne = bank + 1;
    }

    private uint RegisterFor(bool changesTables) => rules.IsStage2
        ? changesTables ? Smmu2Bank.DropIpa : Smmu2Bank.DropIpaLeaf
        : changesTables || rules.Version == Smmu2Version.V1 ? Smmu2Bank.DropVa : Smmu2Bank.DropVaLeaf;

    private void Wait(in Smmu2Batch batch)
    {
        // A global sync is for banks as well.
        if (batch.IsGlobal)
        {
            registers.SyncAll();
        }
        else if (batch.BankPlusOne != 0)
        {
            registers.Sync(batch.BankPlusOne - 1);
        }
    }

    /// <summary>The primitives.</summary>
    internal readonly struct Hardware(Smmu2AddressSpace space) : IDomainHardware<Smmu2Batch>
    {
        // A bank's ASID or VMID has nothing in any cache when it is given to a domain, which happens before its first device can walk. So either this
        // sees the bank, or every walk comes after the stores.
        public bool IsLive => space._bank != NoBank;

        public void Begin(ref Smmu2Batch batch)
        {
            // An invalidation is one access, which nothing can come between.
        }

        public void InvalidateTableCache(ref Smmu2Batch batch, ulong physicalAddress, ulong bytes)
        {
            // There is none that is not told by address of a translation.
        }

        public void InvalidateTlb(ref Smmu2Batch batch, in TlbRange range) => space.Drop(range, ref batch);

        public void InvalidateAll(ref Smmu2Batch batch)
        {
            int bank = space._bank;
            if (bank != NoBank)
            {
                space.DropAll(bank, ref batch);
            }
        }

        public void Submit(ref Smmu2Batch batch)
        {
            // They are on their way.
        }

        public void Wait(ref Smmu2Batch batch)
        {
            space.Wait(batch);
            batch = default;
        }
    }
}
