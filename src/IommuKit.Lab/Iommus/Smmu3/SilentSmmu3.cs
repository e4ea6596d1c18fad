using IommuKit.Lab.Machines;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Lab.Iommus.Smmu3;

/// <summary>An SMMU that does whatever it is commanded, at once, and nothing else.</summary>
internal sealed class SilentSmmu3(Smmu3Unit unit) : SilentRegisters
{
    private uint _control;
    private uint _interrupts;
    private uint _producer;

    public override uint Read32(uint offset) => offset switch
    {
        Smmu3Register.Idr0 => unit.Idr0,
        Smmu3Register.Idr1 => unit.Idr1,
        Smmu3Register.Idr3 => unit.Idr3,
        Smmu3Register.Idr5 => unit.Idr5,
        Smmu3Register.Iidr => unit.Iidr,
        Smmu3Register.Aidr => unit.Aidr,
        Smmu3Register.Control0Ack => _control,
        Smmu3Register.InterruptControlAck => _interrupts,
        Smmu3Register.CommandConsumer => Volatile.Read(ref _producer),
        _ => 0,
    };

    public override void Write32(uint offset, uint value)
    {
        switch (offset)
        {
            case Smmu3Register.Control0:
                _control = value;
                break;
            case Smmu3Register.InterruptControl:
                _interrupts = value;
                break;
            case Smmu3Register.CommandProducer:
                Volatile.Write(ref _producer, value);
                break;
        }
    }
}
