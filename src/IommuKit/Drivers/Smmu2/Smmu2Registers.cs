using IommuKit.Specs.Mmio;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Drivers.Smmu2;

/// <summary>The registers of an SMMUv2 by what they are of, and its syncs.</summary>
internal sealed class Smmu2Registers(IMmio registers, Smmu2Unit unit, TimeSpan patience)
{
    public uint Read(uint offset) => registers.Read32(offset);

    public ulong Read64(uint offset) => registers.Read64(offset);

    public void Write(uint offset, uint value) => registers.Write32(offset, value);

    public uint ReadBank(int bank, uint offset) => registers.Read32(unit.OffsetOf(bank) + offset);

    public ulong ReadBank64(int bank, uint offset) => registers.Read64(unit.OffsetOf(bank) + offset);

    public void WriteBank(int bank, uint offset, uint value) => registers.Write32(unit.OffsetOf(bank) + offset, value);

    public void WriteBank64(int bank, uint offset, ulong value) => registers.Write64(unit.OffsetOf(bank) + offset, value);

    public uint ReadRouting(uint register, int bank) => registers.Read32(OffsetOfRouting(register, bank));

    public void WriteRouting(uint register, int bank, uint value) => registers.Write32(OffsetOfRouting(register, bank), value);

    /// <summary>Waits until what was invalidated through a bank is dropped.</summary>
    public void Sync(int bank)
    {
        WriteBank(bank, Smmu2Bank.Sync, 0);
        WaitWhileActive(unit.OffsetOf(bank) + Smmu2Bank.SyncStatus);
    }

    /// <summary>Waits until everything that was invalidated is dropped.</summary>
    public void SyncAll()
    {
        Write(Smmu2Global.Sync, 0);
        WaitWhileActive(Smmu2Global.SyncStatus);
    }

    private void WaitWhileActive(uint status)
    {
        var wait = new Patience(patience, "a sync of the TLB is not complete");
        while ((registers.Read32(status) & Smmu2Global.Active) != 0)
        {
            wait.Pass();
        }
    }

    private uint OffsetOfRouting(uint register, int bank) => (1u << unit.PageShift) + register + ((uint)bank * sizeof(uint));
}
