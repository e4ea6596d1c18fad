using IommuKit.Lab.Machines;
using IommuKit.Specs.Vtd;

namespace IommuKit.Lab.Iommus.Vtd;

/// <summary>A unit that does whatever it is commanded, at once, and nothing else.</summary>
internal sealed class SilentVtd : SilentRegisters
{
    private uint _status;

    public override uint Read32(uint offset) =>
        offset == VtdRegister.GlobalStatus ? _status & ~VtdRegister.GlobalBits.WriteBufferFlush : 0;

    public override void Write32(uint offset, uint value)
    {
        if (offset == VtdRegister.GlobalCommand)
        {
            _status = value;
        }
    }
}
